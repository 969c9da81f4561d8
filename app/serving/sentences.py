"""A sentence of a prediction request, as the words that a tagger is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.errors.predictions import UnusableInput
from app.domain.word_parts import split_words

_FORMS = 'Send a text, or its words as a list: ["Turn", "on", "the", "lights"].'


@dataclass(frozen=True)
class Sentence:
    """A text and where its words lie in it."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words themselves."""
        return tuple(self.text[start:end] for start, end in self.spans)


def prepare_sentence(position: int, given: Any) -> Sentence:
    """The words of a text, by `split_words`, or those of a list; raises UnusableInput."""
    if isinstance(given, str):
        spans = tuple(split_words(given))
    elif isinstance(given, list) and all(isinstance(word, str) and word.strip() for word in given):
        spans, given = _joined(given)
    else:
        raise UnusableInput(position, "is neither a text nor a list of words", _FORMS)
    if not spans:
        raise UnusableInput(position, "holds no word", _FORMS)
    return Sentence(given, spans)


def _joined(words: list[str]) -> tuple[tuple[tuple[int, int], ...], str]:
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return tuple(spans), " ".join(words)
