"""A network with every way to serve it tried, and one of them chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.artifacts.archive import pack
from app.domain.compilations import Serving
from app.domain.models import ImageInput, ModelFacts
from app.learn.finite_answers import require_finite
from app.learn.predicting import predict
from app.services.compiling.candidates import Made, Trials
from app.services.compiling.check import BATCH
from app.services.compiling.check_rows import CheckRows
from app.services.compiling.choose import Tried, choose
from app.services.compiling.measure import Speed, measure

if TYPE_CHECKING:
    from app.learn.network import Network


@dataclass(frozen=True)
class Choice:
    """How to serve, and the file to publish; None where the model's own is served."""

    serving: Serving
    file: Path | None


def compile_network(
    network: Network,
    facts: ModelFacts,
    rows: CheckRows,
    tolerance: float | None,
    workspace: Path,
) -> Choice:
    """Try, check and measure every candidate.

    `tolerance` is what reduced precision may lose; with None it is not tried.
    """
    image = facts.input if isinstance(facts.input, ImageInput) else None
    reference = _reference(network, rows)
    made = Trials(network, rows, reference, workspace).all(image, tolerance)
    tried = _measured(made, rows)
    chosen, reason = choose([one for one, _ in tried])
    serving = Serving(
        engine=chosen.candidate.engine,
        precision=chosen.candidate.precision,
        reason=reason,
        candidates=tuple(one.candidate for one, _ in tried),
    )
    folder = next(own.folder for one, own in tried if one is chosen)
    if folder is None:
        return Choice(serving, None)
    file = workspace / "compiled.artifact"
    pack(folder, file)
    return Choice(serving, file)


def _reference(network: Network, rows: CheckRows) -> list[np.ndarray]:
    """What the network answers, float32, as evaluations do; raises AnswerNotFinite."""
    found = predict(network, rows.inputs, batch_size=BATCH)
    require_finite(found, place="row {} of the check".format)
    if not network.objective.per_word:
        return list(found)
    return [one[: len(words)] for one, words in zip(found, rows.inputs, strict=True)]


def _measured(made: list[Made], rows: CheckRows) -> list[tuple[Tried, Made]]:
    fit = {
        place: one.runtime
        for place, one in enumerate(made)
        if one.runtime and one.candidate.check and one.candidate.check.passed
    }
    speeds = dict(zip(fit, measure(list(fit.values()), rows), strict=True))
    return [(_with_speed(one, speeds.get(place)), one) for place, one in enumerate(made)]


def _with_speed(made: Made, speed: Speed | None) -> Tried:
    if speed is None:
        return Tried(made.candidate, 0.0)
    candidate = replace(
        made.candidate,
        batched_per_second=round(speed.batched, 2),
        single_per_second=round(speed.single, 2),
    )
    return Tried(candidate, speed.overall)
