"""The dictionary that a user gives: what of it can be used, and what is held out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch

from app.learn.alignment.lexicon import Gold
from app.learn.pairs import Pairs
from app.methods.align.languages import Language

Positions = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class SplitDictionary:
    """`train`: ranks of source and target words, int64 (pairs,) each; `held_out`: questions.

    `given` pairs there were; `missing_source` and `missing_target` count distinct words that the
    vectors lack.
    """

    train: Positions
    held_out: Gold
    given: int
    missing_source: int
    missing_target: int

    def report(self) -> dict[str, Any]:
        """The account as JSON."""
        usable = len(self.train[0]) + sum(map(len, self.held_out.answers.values()))
        return {
            "given": self.given,
            "usable": usable,
            "coverage": round(usable / self.given, 4) if self.given else 0.0,
            "missing_source": self.missing_source,
            "missing_target": self.missing_target,
            "fitted_on": len(self.train[0]),
            "held_out_words": len(self.held_out.answers),
        }


def split_dictionary(
    pairs: Pairs, source: Language, target: Language, held_out: float, seed: int
) -> SplitDictionary:
    """Look the words up and keep a share of the source words out, drawn by `seed`."""
    device = source.normal.device
    distinct = dict.fromkeys(zip(pairs.source, pairs.target, strict=True))
    ranks = [(source.vocabulary.rank(a), target.vocabulary.rank(b)) for a, b in distinct]
    usable = dict.fromkeys((a, b) for a, b in ranks if a is not None and b is not None)
    words = sorted({a for a, _ in usable})
    kept_out = set(random.Random(seed).sample(words, round(held_out * len(words))))
    train = torch.tensor([pair for pair in usable if pair[0] not in kept_out], dtype=torch.int64)
    train = train.reshape(-1, 2).to(device)
    answers: dict[int, set[int]] = {}
    for a, b in usable:
        if a in kept_out:
            answers.setdefault(a, set()).add(b)
    missing = (
        [
            len({word for word, rank in zip(side, found, strict=True) if rank is None})
            for side, found in zip(
                zip(*distinct, strict=True), zip(*ranks, strict=True), strict=True
            )
        ]
        if distinct
        else [0, 0]
    )
    gold = Gold({place: frozenset(right) for place, right in answers.items()}, 0)
    return SplitDictionary((train[:, 0], train[:, 1]), gold, len(distinct), *missing)
