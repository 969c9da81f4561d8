"""Maps and dictionaries that improve each other, round by round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from app.learn.alignment.induction import induce
from app.learn.alignment.procrustes import orthogonal_map
from app.learn.alignment.retrieval import NEIGHBOURS, Beat, silent

Dictionary = tuple[Tensor, Tensor]
_LEAST_GAIN = 1e-6


@dataclass(frozen=True)
class SelfLearning:
    """How self-learning goes about.

    `vocabulary`: so many of the most frequent words of each language take part. `keep`: the share
    of similarities that the first rounds keep; it is doubled each time that `patience` rounds
    brought no better objective, and when it is 1, that ends it. `rounds`: the most there may be.
    """

    vocabulary: int = 20_000
    neighbours: int = NEIGHBOURS
    keep: float = 0.1
    growth: float = 2.0
    patience: int = 50
    rounds: int = 1000


@dataclass(frozen=True)
class Learnt:
    """The last dictionary (positions), how many rounds it took, and the objective of each."""

    dictionary: Dictionary
    rounds: int
    objectives: list[float]
    converged: bool


def self_learn(
    source: Tensor,
    target: Tensor,
    seed_dictionary: Dictionary,
    how: SelfLearning,
    seed: int = 0,
    beat: Beat = silent,
    on_round: Callable[[int, float, float], None] = lambda number, objective, keep: None,
) -> Learnt:
    """Fit an orthogonal map to a dictionary, read a better dictionary off it, and so on.

    `source` and `target` are normalised, float32 (n, width) and (m, width), frequent words
    first. Artetxe et al., 2017 and 2018 ("A robust self-learning method ..."): CSLS, both
    directions, stochastic induction. Deterministic by `seed` on the CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    some, others = source[: how.vocabulary], target[: how.vocabulary]
    dictionary, keep, best, since = seed_dictionary, how.keep, -1.0, 0
    objectives: list[float] = []
    while len(objectives) < how.rounds:
        rotation = orthogonal_map(source[dictionary[0]], target[dictionary[1]])
        induced = induce(some @ rotation, others, how.neighbours, keep, generator, beat)
        dictionary = induced.pairs
        objectives.append(induced.objective)
        on_round(len(objectives), induced.objective, keep)
        since = 0 if induced.objective - best >= _LEAST_GAIN else since + 1
        best = max(best, induced.objective)
        if since >= how.patience:
            if keep >= 1.0:
                return Learnt(dictionary, len(objectives), objectives, True)
            keep, since = min(1.0, keep * how.growth), 0
    return Learnt(dictionary, len(objectives), objectives, False)
