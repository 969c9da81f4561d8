"""Bilingual lexicon induction: how often a word's translation is among the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from app.learn.intervals import share_interval

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Gold:
    """What a dictionary asks for: each source position with the positions that are right.

    `missing` source words have no pair of which both words are in the vectors.
    """

    answers: Mapping[int, frozenset[int]]
    missing: int

    @property
    def coverage(self) -> float:
        """Share of the dictionary's source words that can be asked."""
        asked = len(self.answers)
        return asked / (asked + self.missing) if asked + self.missing else 0.0


def gold_of(
    pairs: Sequence[tuple[str, str]], source: Mapping[str, int], target: Mapping[str, int]
) -> Gold:
    """The questions that `pairs` of words pose to two vocabularies (positions by word)."""
    answers: dict[int, set[int]] = {}
    words: set[str] = set()
    for word, translation in pairs:
        words.add(word)
        if word in source and translation in target:
            answers.setdefault(source[word], set()).add(target[translation])
    frozen = {place: frozenset(right) for place, right in answers.items()}
    return Gold(frozen, len(words) - len(frozen))


def precision(found: Tensor, gold: Gold) -> dict[str, Any]:
    """Precision at 1, 5 and 10 with 95% intervals over source words, and coverage.

    `found`: int64 (questions, 10 or more), the ranked target positions for the sources of
    `gold.answers` in their order. A word counts as translated when any of its translations is
    among the first k.
    """
    ranked = found.cpu().numpy()
    right = list(gold.answers.values())
    told: dict[str, Any] = {"words": len(right), "coverage": round(gold.coverage, 4)}
    for rank in RANKS:
        hits = np.array(
            [
                not answers.isdisjoint(row[:rank])
                for row, answers in zip(ranked, right, strict=True)
            ],
            dtype=np.float32,
        )
        told[f"p_at_{rank}"] = share_interval(hits, np.ones(len(hits)))
    return told
