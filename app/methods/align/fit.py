"""Fits the map from the target language's space into the source language's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.procrustes import orthogonal_map
from app.learn.alignment.rcsls import refine_rcsls
from app.learn.alignment.self_learning import Learnt
from app.learn.checkpoints import Checkpoints
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.methods.align.dictionary import Positions, SplitDictionary
from app.methods.align.first_pairs import first_pairs, require_enough
from app.methods.align.languages import Language
from app.methods.align.learning import (
    history_of,
    learn_dictionary,
    reread_dictionary,
    why_it_ended,
)
from app.methods.align.spec import AlignParameters, Refinement, Seed

_PLENTY = 5


@dataclass(frozen=True)
class Fitted:
    """`map` (width, width): normalised target vectors @ map lie in the source's space.

    `dictionary`: source and target ranks that it was fitted to.
    """

    map: Tensor
    dictionary: Positions
    report: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""


def fit(
    source: Language,
    target: Language,
    given: SplitDictionary | None,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Seed dictionary, self-learning and refinement, as the parameters ask.

    Raises DictionaryMissing and DictionaryTooSmall.
    """
    kind = parameters.seed_dictionary or (Seed.IDENTICAL if given is None else Seed.DICTIONARY)
    pairs = first_pairs(kind, source, target, given, parameters)
    width = source.normal.shape[1]
    learns = parameters.self_learning
    if learns is None:
        learns = kind is not Seed.DICTIONARY or len(pairs[0]) < _PLENTY * width
    require_enough(pairs, learns, width, given)
    history: list[dict[str, Any]] = []
    report: dict[str, Any] = {"seed_dictionary": kind.value, "seed_pairs": len(pairs[0])}
    stopped = f"The first map was fitted to {len(pairs[0])} pairs of words."
    if learns:
        part = Portion(monitor, 0.0, 0.8)
        learnt = learn_dictionary(source, target, pairs, kind, parameters, seed, part, checkpoints)
        pairs = learnt.dictionary
        history, stopped = history_of(learnt), why_it_ended(learnt, parameters)
        report["self_learning"] = _account(learnt)
    part = Portion(monitor, 0.8, 0.9)
    pairs = reread_dictionary(source, target, pairs, given, parameters, part)
    found = orthogonal_map(target.normal[pairs[1]], source.normal[pairs[0]])
    if parameters.refinement is Refinement.RCSLS:
        found, losses = _refine(source, target, pairs, found, parameters, Portion(monitor, 0.9, 1))
        report["refinement"] = {"first_loss": losses[0], "loss": min(losses)}
    monitor.progress("mapping", 1.0)
    return Fitted(found, pairs, report | {"pairs": len(pairs[0])}, history, stopped)


def _account(learnt: Learnt) -> dict[str, Any]:
    return {
        "rounds": learnt.rounds,
        "converged": learnt.converged,
        "objective": round(learnt.objectives[-1], 5),
    }


def _refine(
    source: Language,
    target: Language,
    pairs: Positions,
    start: Tensor,
    parameters: AlignParameters,
    monitor: Monitor,
) -> tuple[Tensor, list[float]]:
    reached = [0.0]

    def on_round(number: int, loss: float) -> None:
        reached[0] = number / 10
        monitor.event("check", round=number, loss=round(loss, 5))

    size = max(parameters.vocabulary, int(torch.stack(pairs).max()) + 1)
    refined = refine_rcsls(
        functional.normalize(target.normal[:size], dim=1),
        functional.normalize(source.normal[:size], dim=1),
        (pairs[1], pairs[0]),
        start,
        neighbours=parameters.neighbours,
        beat=lambda: monitor.progress("refining", reached[0]),
        on_round=on_round,
    )
    return refined.map, [round(loss, 5) for loss in refined.losses]
