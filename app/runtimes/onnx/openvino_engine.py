"""A graph computed by OpenVINO."""

from __future__ import annotations

import importlib
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.runtimes.held_memory import OPENVINO
from app.runtimes.onnx.by_processors import ByProcessors
from app.runtimes.onnx.graph_engine import Feed
from app.runtimes.onnx.wide_rows import widen_rows
from app.runtimes.processors import batches_at_once

_KEPT_SHAPES = 200
_HINTS = {"bfloat16": "bf16", "float32": "f32"}


class OpenvinoEngine:
    """The graph compiled for batches side by side and, when first asked for, for one alone.

    Side by side there is a stream of work for each processor.
    """

    name = "openvino"
    # A shape that was not seen lately takes several milliseconds more, and tails of rows take
    # longer than the padding that makes them whole.
    multiple = 8

    def __init__(self, graph: Path, precision: str) -> None:
        core = _openvino().Core()
        model = core.read_model(graph)
        # The file stays mapped beside what is made of it.
        self._once = sum(one.get_byte_size() for one in _constants(model)) + widen_rows(model)
        multiplied = (one for one in _constants(model) if not _is_table(one))
        self._weights = sum(one.get_byte_size() for one in multiplied)
        self.accepted = [one.any_name for one in model.inputs]
        self.precision = precision
        self._compiled = ByProcessors(partial(_Compiled, core, model, _HINTS[precision]))

    @property
    def size_bytes(self) -> int:
        """As the contract says."""
        copies = OPENVINO[self.precision].bytes(self._weights, self._compiled.openings)
        return self._once + copies

    def logits(self, feed: Feed, threads: int) -> np.ndarray:
        """As the contract says."""
        return self._compiled.get(threads).logits(feed)


class _Compiled:
    """A compiled model whose batches take `threads`, and its requests: one for each caller.

    Batches of one thread are computed side by side, a stream for each.
    """

    def __init__(self, core: Any, model: Any, hint: str, threads: int) -> None:
        streams = batches_at_once() if threads == 1 else 1
        properties = {
            "INFERENCE_PRECISION_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * threads,
            # Who else computes on this machine is not known here.
            "ENABLE_CPU_PINNING": False,
            # What is prepared for a shape of batch takes memory, and there are thousands of
            # shapes.
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
        }
        self._model = core.compile_model(model, "CPU", properties)
        self._idle: list[Any] = []
        self._taking = threading.Lock()

    def logits(self, feed: Feed) -> np.ndarray:
        with self._taking:
            request = self._idle.pop() if self._idle else self._model.create_infer_request()
        try:
            found: np.ndarray = request.infer(feed)["logits"]
        finally:
            with self._taking:
                self._idle.append(request)
        return found


def _constants(model: Any) -> list[Any]:
    return [one for one in model.get_ops() if one.get_type_name() == "Constant"]


def _is_table(constant: Any) -> bool:
    """Whether rows of it are looked up: it is not copied then."""
    takers = constant.output(0).get_target_inputs()
    return all(one.get_node().get_type_name() == "Gather" for one in takers)


def _openvino() -> Any:
    # Where this package is, each import of OpenVINO is reported to its makers.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")
