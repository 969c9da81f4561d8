"""A model compiled for serving in its own process: candidates built, checked, one chosen."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from app.artifacts.archive import open_folder, pack
from app.domain.models import ImageInput, Model, ModelFacts, Serving, ServingCandidate
from app.formats.catalog import format_named
from app.learn.inference import predict
from app.learn.tasks.contract import require_finite
from app.runtimes.contract import Runtime
from app.runtimes.onnx.export import export_network, quantise
from app.runtimes.onnx.onnxruntime_engine import open_onnx
from app.runtimes.onnx.openvino_engine import is_openvino_installed, open_openvino
from app.runtimes.torch_runtime import TorchRuntime, computes_bfloat16
from app.services.artifacts import publish
from app.services.candidate_checks import (
    BATCH_SIZE,
    CheckRows,
    Speed,
    check_answers,
    load_check_rows,
    measure_speed,
    run_rows,
)
from app.services.context import Context, open_context
from app.services.jobs import carry_out, is_main_process
from app.settings import settings
from app.store import models
from app.store.database import retry_on_disconnect

if TYPE_CHECKING:
    from app.learn.network import Network


_log = logging.getLogger(__name__)
# So much faster must be what answers less exactly, or needs more memory, than what it replaces.
MIN_SPEEDUP = 1.2
_MAX_FAILURE_CHARACTERS = 500  # of a failure in the record
# Fused attention or plain, embeddings in half or whole: what is quicker and smaller comes first.
_EXPORT_OPTIONS = ((True, True), (True, False), (False, False))


def compile_model(job_id: str, attempt: int) -> None:
    """Carry out one attempt of a compilation, whose job has its model's id.

    Records how it ended. A model that was deleted meanwhile is let be.
    """
    context = open_context(settings())
    retry_seconds = context.settings.database_patience_seconds
    model = retry_on_disconnect(
        context.readers, lambda session: models.get(session, job_id), retry_seconds
    )
    if model is None or not is_main_process():
        return

    def work() -> None:
        with context.artifacts.workspace() as workspace:
            _record(context, model, attempt, _compile(context, model, workspace))

    carry_out(context, job_id, attempt, models.MAX_COMPILATION_ATTEMPTS, work)


def _compile(context: Context, model: Model, workspace: Path) -> ServingChoice:
    facts, limits = model.facts, context.settings
    assert facts is not None, "a ready model has facts"
    assert model.sha256 is not None, "a ready model has bytes"
    folder = open_folder(
        context.artifacts, model.sha256, limits.max_unpacked_bytes, limits.max_archive_members
    )
    network = format_named(facts.format).load(folder, facts)
    rows = load_check_rows(context, model, facts, network)
    tolerance = limits.int8_tolerance if limits.serving_precision == "auto" else None
    return compile_network(network, facts, rows, tolerance, workspace)


def _record(context: Context, model: Model, attempt: int, choice: ServingChoice) -> None:
    def record(session: Session) -> None:
        serving: Serving = choice.serving
        if choice.file is not None:
            [digest] = publish(context, session, [choice.file])
            serving = replace(serving, sha256=digest)
        models.finish_compilation(session, model.id, attempt, serving)

    retry_on_disconnect(context.sessions, record, context.settings.database_patience_seconds)


@dataclass(frozen=True)
class ServingChoice:
    """How to serve, and the file to publish; None where the model's own is served."""

    serving: Serving
    file: Path | None


def compile_network(
    network: Network,
    facts: ModelFacts,
    rows: CheckRows,
    tolerance: float | None,
    workspace: Path,
) -> ServingChoice:
    """Try, check and measure every candidate.

    `tolerance` is what reduced precision may lose; with None it is not tried.
    """
    image = facts.input if isinstance(facts.input, ImageInput) else None
    reference = _reference_answers(network, rows)
    made = CandidateBuilder(network, rows, reference, workspace).all(image, tolerance)
    tried = _measure_candidates(made, rows)
    chosen, reason = choose_candidate([one for one, _ in tried])
    serving = Serving(
        engine=chosen.candidate.engine,
        precision=chosen.candidate.precision,
        reason=reason,
        candidates=tuple(one.candidate for one, _ in tried),
    )
    folder = next(own.folder for one, own in tried if one is chosen)
    if folder is None:
        return ServingChoice(serving, None)
    file = workspace / "compiled.artifact"
    pack(folder, file)
    return ServingChoice(serving, file)


def _reference_answers(network: Network, rows: CheckRows) -> list[np.ndarray]:
    """What the network answers, float32, as evaluations do; raises AnswerNotFinite."""
    found = predict(network, rows.inputs, batch_size=BATCH_SIZE)
    require_finite(found, place="row {} of the check".format)
    if not network.objective.per_word:
        return list(found)
    return [one[: len(words)] for one, words in zip(found, rows.inputs, strict=True)]


def _measure_candidates(
    made: list[BuiltCandidate], rows: CheckRows
) -> list[tuple[MeasuredCandidate, BuiltCandidate]]:
    fit = {
        index: one.runtime
        for index, one in enumerate(made)
        if one.runtime and one.candidate.check and one.candidate.check.passed
    }
    speeds = dict(zip(fit, measure_speed(list(fit.values()), rows), strict=True))
    return [(_with_speed(one, speeds.get(index)), one) for index, one in enumerate(made)]


def _with_speed(made: BuiltCandidate, speed: Speed | None) -> MeasuredCandidate:
    if speed is None:
        return MeasuredCandidate(made.candidate, 0.0)
    candidate = replace(
        made.candidate,
        batched_per_second=round(speed.batched, 2),
        single_per_second=round(speed.single, 2),
    )
    return MeasuredCandidate(candidate, speed.overall)


@dataclass(frozen=True)
class MeasuredCandidate:
    """A candidate and its speed, 0 where it was not measured."""

    candidate: ServingCandidate
    overall: float

    @property
    def usable(self) -> bool:
        """Whether it may serve: it could be made and passed its check."""
        return self.candidate.check is not None and self.candidate.check.passed


def choose_candidate(tried: Sequence[MeasuredCandidate]) -> tuple[MeasuredCandidate, str]:
    """The candidate to serve by, and the reason in a sentence.

    They stand in the order of preference, the network itself among them. A later one is taken
    when it is 1.2 times as fast as the one that would be taken without it.
    """
    usable = [one for one in tried if one.usable]
    chosen = usable[0]
    for one in usable[1:]:
        if one.overall >= MIN_SPEEDUP * chosen.overall:
            chosen = one
    return chosen, _reason(chosen, usable)


def _reason(chosen: MeasuredCandidate, usable: Sequence[MeasuredCandidate]) -> str:
    if len(usable) == 1:
        return "It is the only candidate that passed its check."
    others = [
        f"{one.candidate.engine} {one.candidate.precision} ({chosen.overall / one.overall:.2f}x)"
        for one in usable
        if one is not chosen
    ]
    return (
        f"Its speed over that of the others that passed: {', '.join(others)}; a candidate further "
        f"down the list must be {MIN_SPEEDUP} times as fast to be preferred."
    )


@dataclass(frozen=True)
class BuiltCandidate:
    """A candidate, what answers with it where it could be made, and the folder to publish."""

    candidate: ServingCandidate
    runtime: Runtime | None = None
    folder: Path | None = None


class CandidateBuilder:
    """Makes the candidates of one network and checks each; `reference` is what it answers."""

    def __init__(
        self, network: Network, rows: CheckRows, reference: Sequence[np.ndarray], folder: Path
    ) -> None:
        self._network = network
        self._rows = rows
        self._reference = reference
        self._folder = folder

    def all(self, image: ImageInput | None, tolerance: float | None) -> list[BuiltCandidate]:
        """In the order of preference; `tolerance` is what reduced precision may lose.

        None asks for float32 alone, as do rows without labels, on which no loss can be found.
        """
        graph = self._graph(image)
        found = [graph, self._network_itself("float32", None)]
        if tolerance is None or not self._rows.real:
            return found
        # Rounding to 8 bits loses more than rounding to 16, so it must be worth it.
        if computes_bfloat16():
            if not is_openvino_installed():
                _log.info(
                    "OpenVINO is not installed: compiled models are served by ONNX Runtime. "
                    'For bfloat16, about twice as fast: pip install "babelport-server[openvino]"'
                )
            elif _passed(graph) and graph.folder is not None:
                found.append(self._in_bfloat16(graph.folder, tolerance))
            found.append(self._network_itself("bfloat16", tolerance))
        if graph.folder is not None:
            found.append(self._in_int8(graph.folder, tolerance))
        return found

    def _graph(self, image: ImageInput | None) -> BuiltCandidate:
        made = BuiltCandidate(
            ServingCandidate("onnxruntime", "float32", failure="it was not tried")
        )
        for number, (fused, half_embeddings) in enumerate(_EXPORT_OPTIONS):
            folder = self._folder / f"graph-{number}"
            folder.mkdir()
            try:
                export_network(self._network, image, folder, fused, half_embeddings)
                made = self._checked(open_onnx(folder), folder, None)
            except Exception as problem:  # the exporter's errors have no common kind
                _log.warning("ONNX export (fused: %s) failed: %s", fused, type(problem).__name__)
                made = _failed("onnxruntime", "float32", problem)
            if _passed(made):
                break
        return made

    def _in_int8(self, source: Path, tolerance: float) -> BuiltCandidate:
        """All products in int8 or, where that loses too much, all but those that narrow."""
        made = BuiltCandidate(ServingCandidate("onnxruntime", "int8", failure="it was not tried"))
        for all_products in (True, False):
            folder = self._folder / f"int8-{all_products}"
            try:
                quantise(source, folder, all_products)
                made = self._checked(open_onnx(folder), folder, tolerance)
            except Exception as problem:  # as above
                _log.warning("the int8 quantisation failed: %s", type(problem).__name__)
                return _failed("onnxruntime", "int8", problem)
            if _passed(made):
                break
        return made

    def _in_bfloat16(self, source: Path, tolerance: float) -> BuiltCandidate:
        """The graph as it is: whoever computes with it rounds."""
        try:
            return self._checked(open_openvino(source), source, tolerance)
        except Exception as problem:  # as above
            _log.warning("OpenVINO does not read the graph: %s", type(problem).__name__)
            return _failed("openvino", "bfloat16", problem)

    def _network_itself(self, precision: str, tolerance: float | None) -> BuiltCandidate:
        try:
            # Its weights are changed where the precision is another one.
            network = self._network if precision == "float32" else copy.deepcopy(self._network)
            return self._checked(TorchRuntime(network, precision), None, tolerance)
        except RuntimeError as problem:
            _log.warning("torch cannot serve it in %s: %s", precision, problem)
            return _failed("torch", precision, problem)

    def _checked(
        self, runtime: Runtime, folder: Path | None, tolerance: float | None
    ) -> BuiltCandidate:
        found = run_rows(runtime, self._rows)
        check = check_answers(
            self._network.objective, self._rows, self._reference, found, tolerance
        )
        size = runtime.size_bytes
        candidate = ServingCandidate(
            runtime.engine, runtime.precision, size_bytes=size, check=check
        )
        return BuiltCandidate(candidate, runtime, folder)


def _passed(made: BuiltCandidate) -> bool:
    return made.candidate.check is not None and made.candidate.check.passed


def _failed(engine: str, precision: str, problem: Exception) -> BuiltCandidate:
    said = f"{type(problem).__name__}: {problem}"[:_MAX_FAILURE_CHARACTERS]
    return BuiltCandidate(ServingCandidate(engine, precision, failure=said))
