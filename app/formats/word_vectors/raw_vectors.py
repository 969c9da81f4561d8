"""Word vectors as a file holds them, once the lines that are none are left out."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class RawVectors:
    """`words` (n) are distinct and in the file's order; `matrix` is float32 (n, width).

    `notes` say in sentences what was left out.
    """

    words: list[str]
    matrix: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass
class Collected:
    """What a reader has found so far, at most `limit` words of `width` numbers."""

    limit: int
    width: int
    words: list[str] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)
    more: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    _known: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether no further word is wanted."""
        return len(self.words) >= self.limit

    def add(self, words: Iterable[str], rows: np.ndarray) -> None:
        """Take words with their rows (float32 (n, width)), up to the limit; count what is not."""
        kept = []
        for place, word in enumerate(words):
            if self.full:
                self.more = True
                break
            word = unicodedata.normalize("NFC", word)
            if not np.isfinite(rows[place]).all():
                self.left_out["with numbers that are not finite"] += 1
            elif not word or word != word.strip() or "\n" in word:
                self.left_out["that are empty or hold line breaks"] += 1
            elif word in self._known:
                self.left_out["that stood there before"] += 1
            else:
                self._known.add(word)
                self.words.append(word)
                kept.append(place)
        self.parts.append(rows[kept])

    def finish(self, more: bool) -> RawVectors:
        """All of it; `more` tells that the file has words that were not offered here."""
        notes = [f"{count} words {why} were left out." for why, count in self.left_out.items()]
        if more or self.more:
            notes.append(f"Only the first {len(self.words)} words were read.")
        empty = np.zeros((0, self.width), dtype=np.float32)
        return RawVectors(self.words, np.concatenate([empty, *self.parts]), tuple(notes))
