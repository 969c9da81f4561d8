"""The ways to serve a model, tried one after the other."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.domain.compilations import Candidate
from app.domain.models import ImageInput
from app.runtimes.contract import Runtime
from app.runtimes.onnx.export import export_network
from app.runtimes.onnx.open_onnx import open_onnx
from app.runtimes.onnx.open_openvino import open_openvino
from app.runtimes.onnx.quantise import quantise
from app.runtimes.torch_runtime import TorchRuntime, computes_bfloat16
from app.services.compiling.check import answers_of, compare
from app.services.compiling.check_rows import CheckRows

if TYPE_CHECKING:
    from app.learn.network import Network

_log = logging.getLogger(__name__)
_MOST_WORDS = 500  # of a failure in the record
# Fused attention or plain, embeddings in half or whole: what is quicker and smaller comes first.
_WAYS = ((True, True), (True, False), (False, False))


@dataclass(frozen=True)
class Made:
    """A candidate, what answers with it where it could be made, and the folder to publish."""

    candidate: Candidate
    runtime: Runtime | None = None
    folder: Path | None = None


class Trials:
    """Makes the candidates of one network and checks each; `reference` is what it answers."""

    def __init__(
        self, network: Network, rows: CheckRows, reference: Sequence[np.ndarray], folder: Path
    ) -> None:
        self._network = network
        self._rows = rows
        self._reference = reference
        self._folder = folder

    def all(self, image: ImageInput | None, tolerance: float | None) -> list[Made]:
        """In the order of preference; `tolerance` is what reduced precision may lose.

        None asks for float32 alone, as do rows without labels, on which no loss can be found.
        """
        graph = self._graph(image)
        found = [graph, self._network_itself("float32", None)]
        if tolerance is None or not self._rows.real:
            return found
        # Rounding to 8 bits loses more than rounding to 16, so it must be worth it.
        if computes_bfloat16():
            if _passed(graph) and graph.folder is not None:
                found.append(self._in_bfloat16(graph.folder, tolerance))
            found.append(self._network_itself("bfloat16", tolerance))
        if graph.folder is not None:
            found.append(self._in_int8(graph.folder, tolerance))
        return found

    def _graph(self, image: ImageInput | None) -> Made:
        made = Made(Candidate("onnxruntime", "float32", failure="it was not tried"))
        for number, (fused, half_rows) in enumerate(_WAYS):
            folder = self._folder / f"graph-{number}"
            folder.mkdir()
            try:
                export_network(self._network, image, folder, fused, half_rows)
                made = self._checked(open_onnx(folder), folder, None)
            except Exception as problem:  # the exporter's errors have no common kind
                _log.warning("no graph (fused %s): %s", fused, type(problem).__name__)
                made = _failed("onnxruntime", "float32", problem)
            if _passed(made):
                break
        return made

    def _in_int8(self, source: Path, tolerance: float) -> Made:
        """All products in int8 or, where that loses too much, all but those that narrow."""
        made = Made(Candidate("onnxruntime", "int8", failure="it was not tried"))
        for whole in (True, False):
            folder = self._folder / f"int8-{whole}"
            try:
                quantise(source, folder, whole)
                made = self._checked(open_onnx(folder), folder, tolerance)
            except Exception as problem:  # as above
                _log.warning("no graph in int8: %s", type(problem).__name__)
                return _failed("onnxruntime", "int8", problem)
            if _passed(made):
                break
        return made

    def _in_bfloat16(self, source: Path, tolerance: float) -> Made:
        """The graph as it is: whoever computes with it rounds."""
        try:
            return self._checked(open_openvino(source), source, tolerance)
        except Exception as problem:  # as above
            _log.warning("OpenVINO does not read the graph: %s", type(problem).__name__)
            return _failed("openvino", "bfloat16", problem)

    def _network_itself(self, precision: str, tolerance: float | None) -> Made:
        try:
            # Its weights are changed where the precision is another one.
            network = self._network if precision == "float32" else copy.deepcopy(self._network)
            return self._checked(TorchRuntime(network, precision), None, tolerance)
        except RuntimeError as problem:
            _log.warning("no %s: %s", precision, problem)
            return _failed("torch", precision, problem)

    def _checked(self, runtime: Runtime, folder: Path | None, tolerance: float | None) -> Made:
        found = answers_of(runtime, self._rows)
        check = compare(self._network.objective, self._rows, self._reference, found, tolerance)
        size = runtime.size_bytes
        candidate = Candidate(runtime.engine, runtime.precision, size_bytes=size, check=check)
        return Made(candidate, runtime, folder)


def _passed(made: Made) -> bool:
    return made.candidate.check is not None and made.candidate.check.passed


def _failed(engine: str, precision: str, problem: Exception) -> Made:
    said = f"{type(problem).__name__}: {problem}"[:_MOST_WORDS]
    return Made(Candidate(engine, precision, failure=said))
