"""Words that are near to a word, as a model of word vectors sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """How near two words are: their cosine, or cross-domain similarity local scaling."""

    COSINE = "cosine"
    CSLS = "csls"


@dataclass(frozen=True)
class NearWord:
    """A word and its score, which is larger the nearer it is."""

    word: str
    score: float


@dataclass(frozen=True)
class NearWords:
    """The words nearest to `word`, the nearest first."""

    word: str
    matches: tuple[NearWord, ...]


@dataclass(frozen=True)
class WordAnswers:
    """What was found in `target_language` for words of `language`; `unknown` ones are not there."""

    language: str
    target_language: str
    results: tuple[NearWords, ...]
    unknown: tuple[str, ...]
