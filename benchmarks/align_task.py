"""A pair of languages to align: vectors, a dictionary to fit and one to test."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.formats.word_vectors.raw_vectors import read_text_vectors
from app.learn.alignment.csls import csls, gold_dictionary, hubness, precision_at_k
from app.learn.alignment.maps import normalised
from app.learn.alignment.steps import NormalisationStep
from benchmarks.align_references import Pairs, Space
from benchmarks.help_texts import dictionary, vectors_of

STEPS = (NormalisationStep.UNIT, NormalisationStep.CENTER, NormalisationStep.UNIT)
LARGE = 50_000


class Task:
    """English and another language, a dictionary to fit and one to test, split by word."""

    def __init__(self, folder: Path, language: str) -> None:
        self.source, self.target = (_space(folder, one) for one in ("en", language))
        known = self.source.places, self.target.places
        pairs = [p for p in dictionary(folder, language) if p[0] in known[0] and p[1] in known[1]]
        words = sorted({word for word, _ in pairs})
        random.Random(0).shuffle(words)
        kept = set(words[: len(words) // 4])
        self.train: Pairs = [pair for pair in pairs if pair[0] not in kept]
        self.test: Pairs = [pair for pair in pairs if pair[0] in kept]

    def positions(self) -> tuple[Tensor, Tensor]:
        """The pairs to fit as rows."""
        first, second = self.source.places, self.target.places
        return (
            torch.tensor([first[word] for word, _ in self.train]),
            torch.tensor([second[word] for _, word in self.train]),
        )

    def normal(self) -> tuple[Tensor, Tensor]:
        """Both languages, normalised."""
        x, z = (normalised(torch.from_numpy(s.matrix), STEPS) for s in (self.source, self.target))
        return x, z

    def score(self, first: Any, second: Any) -> dict[str, Any]:
        """P@1, 5 and 10 by CSLS of vectors in one space, with intervals."""
        x, z = (functional.normalize(torch.as_tensor(side), dim=1) for side in (first, second))
        gold = gold_dictionary(self.test, self.source.places, self.target.places)
        found = csls(x[torch.tensor(list(gold.answers))], z, hubness(z, x), 10)[1]
        return precision_at_k(found, gold)


def enlarged(space: Space, seed: int) -> Space:
    """50,000 words: the real ones, then means of two of them with a little noise."""
    drawn = np.random.default_rng(seed)
    missing = LARGE - len(space.words)
    sides = space.matrix[drawn.integers(0, len(space.words), (2, missing))]
    noise = drawn.normal(scale=float(space.matrix.std()) / 2, size=sides[0].shape)
    extra = (sides.mean(axis=0) + noise).astype(np.float32)
    words = [*space.words, *(f"#{seed}-{number}" for number in range(missing))]
    return Space(words=words, matrix=np.concatenate([space.matrix, extra]))


def _space(folder: Path, language: str) -> Space:
    raw = read_text_vectors(vectors_of(folder, language), 10**9)
    return Space(words=raw.words, matrix=raw.matrix)
