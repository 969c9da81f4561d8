"""Self-learning, as the parameters of `align` ask for it."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from app.learn.alignment.induction import induce
from app.learn.alignment.self_learning import Learnt, SelfLearning, self_learn
from app.learn.alignment.weighted_maps import weighted_maps
from app.learn.checkpoints import Checkpoints, NoCheckpoints
from app.learn.monitor import Monitor
from app.methods.align.dictionary import Positions, SplitDictionary
from app.methods.align.languages import Language
from app.methods.align.spec import AlignParameters, Seed


def learn_dictionary(
    source: Language,
    target: Language,
    pairs: Positions,
    kind: Seed,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints | None,
) -> Learnt:
    """Improve `pairs` and the map by turns; reports each round."""
    how = SelfLearning(
        vocabulary=parameters.vocabulary,
        neighbours=parameters.neighbours,
        # A good first dictionary needs no luck to leave it; an unsupervised one is mostly wrong.
        keep=0.1 if kind is Seed.UNSUPERVISED else 0.5,
        patience=parameters.patience,
        rounds=parameters.rounds,
    )
    reached = [0.0]

    def beat() -> None:
        monitor.progress("self-learning", reached[0])

    def on_round(number: int, objective: float, keep: float) -> None:
        # Nobody knows how many rounds there will be; each takes a share of what is left.
        reached[0] += (1 - reached[0]) * 0.03
        monitor.progress("self-learning", reached[0], round=number)
        monitor.event("check", round=number, objective=round(objective, 5), keep=keep)

    return self_learn(
        source.normal,
        target.normal,
        pairs,
        how,
        seed=seed,
        beat=beat,
        on_round=on_round,
        checkpoints=checkpoints or NoCheckpoints(),
    )


def reread_dictionary(
    source: Language,
    target: Language,
    pairs: Positions,
    given: SplitDictionary | None,
    parameters: AlignParameters,
    monitor: Monitor,
) -> Positions:
    """The dictionary as it reads in the re-weighted space of both languages.

    Only pairs of which each word is the other's best translation, and the pairs that the user
    gave: what is induced in one direction alone holds too many errors. Where there are too few
    pairs to weigh the dimensions by, they stay as they are.
    """
    if parameters.reweighting == 0 or len(pairs[0]) < 2 * source.normal.shape[1]:
        return pairs
    maps = weighted_maps(source.normal[pairs[0]], target.normal[pairs[1]], parameters.reweighting)
    size = parameters.vocabulary
    some = functional.normalize(source.normal[:size] @ maps.source, dim=1)
    others = functional.normalize(target.normal[:size] @ maps.target, dim=1)
    found = induce(
        some, others, parameters.neighbours, beat=lambda: monitor.progress("re-weighting", 1.0)
    )
    first, second = found.mutual()
    if given is None:
        return first, second
    return torch.cat([first, given.train[0]]), torch.cat([second, given.train[1]])


def history_of(learnt: Learnt, most: int = 40) -> list[dict[str, Any]]:
    """The objective of every round, or of some dozens of them."""
    step = max(1, len(learnt.objectives) // most)
    return [
        {"round": number, "objective": round(learnt.objectives[number - 1], 5)}
        for number in range(1, len(learnt.objectives) + 1)
        if number % step == 0 or number == len(learnt.objectives)
    ]


def why_it_ended(learnt: Learnt, parameters: AlignParameters) -> str:
    """A sentence."""
    if learnt.converged:
        return (
            f"Self-learning ended after {learnt.rounds} rounds: {parameters.patience} of them "
            "brought no better objective with every similarity kept."
        )
    return f"Self-learning made all {learnt.rounds} rounds that it may."
