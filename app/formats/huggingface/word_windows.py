"""Where words begin among tokens, and sentences cut into windows that a network takes; no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tokenizers import Encoding

from app.learn.data.examples import Words


class Encodes(Protocol):
    """A tokenizer that cuts texts, each after a prefix."""

    @property
    def prefix(self) -> str:
        """What stands before each text."""

    def encode(self, texts: list[str]) -> list[Encoding]:
        """Each text with its prefix; offsets count from the prefix's start."""


@dataclass(frozen=True)
class SentenceWindow:
    """The words from `start` to `end` of one sentence, as one row of tokens.

    `first`, int64 (words,), is the position of each word's first token, -1 where it has none.
    """

    sentence: int
    start: int
    end: int
    tokens: Encoding
    first: np.ndarray


def sentence_windows(tokens: Encodes, sentences: Sequence[Words]) -> list[SentenceWindow]:
    """Every sentence whole, or all of them cut where one is longer than the network takes.

    A sentence is tokenised as the text with spaces between its words.
    """
    spans = [(number, 0, len(words)) for number, words in enumerate(sentences)]
    encoded = tokens.encode([" ".join(words) for words in sentences])
    if any(one.overflowing for one in encoded):
        spans = [
            (number, start, end)
            for number, words in enumerate(sentences)
            for start, end in _spans(tokens, words)
        ]
        encoded = tokens.encode([" ".join(sentences[n][a:b]) for n, a, b in spans])
    return [
        SentenceWindow(n, a, b, one, _first_tokens(one, sentences[n][a:b], tokens.prefix))
        for (n, a, b), one in zip(spans, encoded, strict=True)
    ]


def _spans(tokens: Encodes, words: Words) -> Iterator[tuple[int, int]]:
    """Parts of a sentence that each fit the network; a word that was cut begins the next one."""
    start = 0
    while start < len(words):
        rest = words[start:]
        [one] = tokens.encode([" ".join(rest)])
        taken = len(rest)
        if one.overflowing:
            words_with_token = np.flatnonzero(_first_tokens(one, rest, tokens.prefix) >= 0)
            taken = max(1, int(words_with_token.max(initial=0)))
        yield start, start + taken
        start += taken


def _first_tokens(one: Encoding, words: Words, prefix: str) -> np.ndarray:
    """int64 (words,): the position of each word's first token, -1 where there is none.

    A token that holds nothing but the space before a word belongs to that word: a lone `▁` of
    SentencePiece, or the `Ġ` of byte-level BPE, which is empty where offsets are trimmed. It is
    the word's first one, as in transformers.
    """
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    starts = len(prefix) + np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    after = starts - 1  # where the word before ends
    after[0] = len(prefix.rstrip())
    position = np.flatnonzero(np.array(one.special_tokens_mask) == 0)
    if not len(position):
        return np.full(len(words), -1, dtype=np.int64)
    spans = np.maximum.accumulate(np.array(one.offsets, dtype=np.int64)[position])
    place = np.minimum(
        np.searchsorted(spans[:, 0], after, side="left"),
        np.searchsorted(spans[:, 1], starts, side="right"),
    )
    inside = (place < len(position)) & (lengths > 0)
    place = np.minimum(place, len(position) - 1)
    return np.where(inside & (spans[place, 0] < starts + lengths), position[place], -1)
