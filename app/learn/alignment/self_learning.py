"""Maps and dictionaries that improve each other, round by round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.learn.alignment.induction import Induced, induce
from app.learn.alignment.procrustes import orthogonal_map
from app.learn.alignment.retrieval import NEIGHBOURS, Beat, silent
from app.learn.checkpoints import Checkpoints, NoCheckpoints

Dictionary = tuple[Tensor, Tensor]
_LEAST_GAIN = 1e-6
_STATE = "self-learning"


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
    checkpoints: Checkpoints | None = None,
) -> Learnt:
    """Fit an orthogonal map to a dictionary, read a better dictionary off it, and so on.

    `source` and `target` are normalised, float32 (n, width) and (m, width), frequent words
    first. Artetxe et al., 2017 and 2018 ("A robust self-learning method ..."): CSLS, both
    directions, stochastic induction. Deterministic by `seed` on the CPU, also when it goes on
    from what `checkpoints` kept.
    """
    store = checkpoints or NoCheckpoints()
    generator = torch.Generator().manual_seed(seed)
    state = _State.kept(store, generator, source.device) or _State(seed_dictionary, how.keep)
    some, others = source[: how.vocabulary], target[: how.vocabulary]
    while len(state.objectives) < how.rounds and not state.converged:
        first, second = state.dictionary
        rotation = orthogonal_map(source[first], target[second])
        found = induce(some @ rotation, others, how.neighbours, state.keep, generator, beat)
        kept = state.keep
        state.take(found, how)
        if store.due():
            state.keep_in(store, generator)
        on_round(len(state.objectives), found.objective, kept)
    return Learnt(state.dictionary, len(state.objectives), state.objectives, state.converged)


@dataclass
class _State:
    """Where self-learning is; `since` counts the rounds without a better objective."""

    dictionary: Dictionary
    keep: float
    best: float = -1.0
    since: int = 0
    objectives: list[float] = field(default_factory=list)
    converged: bool = False

    def take(self, found: Induced, how: SelfLearning) -> None:
        """Go on to the next round, or to the end."""
        self.dictionary = found.pairs
        self.objectives.append(found.objective)
        self.since = 0 if found.objective - self.best >= _LEAST_GAIN else self.since + 1
        self.best = max(self.best, found.objective)
        if self.since >= how.patience:
            self.converged = self.keep >= 1.0
            self.keep, self.since = min(1.0, self.keep * how.growth), 0

    def keep_in(self, store: Checkpoints, generator: torch.Generator) -> None:
        tensors = {"first": self.dictionary[0].cpu(), "second": self.dictionary[1].cpu()}
        facts = {name: getattr(self, name) for name in ("keep", "best", "since", "objectives")}
        facts["converged"] = self.converged
        store.save(_STATE, tensors | {"generator": generator.get_state()}, facts)

    @classmethod
    def kept(
        cls, store: Checkpoints, generator: torch.Generator, device: torch.device
    ) -> _State | None:
        found = store.load(_STATE)
        if found is None:
            return None
        tensors, facts = found
        generator.set_state(tensors["generator"])
        dictionary = tensors["first"].to(device), tensors["second"].to(device)
        return cls(dictionary, **facts)
