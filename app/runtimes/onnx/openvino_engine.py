"""A compiled graph computed by OpenVINO, which needs neither torch nor transformers."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.runtimes.onnx.graph_runtime import GRAPH_FILE, Feed, GraphRuntime, read_description
from app.runtimes.resources import OPENVINO_MEMORY, ByThreadCount, batches_at_once

_KEPT_SHAPES = 200
_HINTS = {"bfloat16": "bf16", "float32": "f32"}


def is_openvino_installed() -> bool:
    """Whether the extra `openvino` is there; ONNX Runtime serves the same graph without it."""
    return importlib.util.find_spec("openvino") is not None


def open_openvino(folder: Path, precision: str = "bfloat16") -> GraphRuntime:
    """Load what `export_network` wrote, computed in `precision`, bfloat16 or float32."""
    engine = OpenvinoEngine(folder / GRAPH_FILE, precision)
    return GraphRuntime(folder, read_description(folder), engine)


class OpenvinoEngine:
    """The graph compiled for batches side by side and, at the first such call, for one alone.

    Side by side there is a stream for each processor.
    """

    name = "openvino"
    # A shape that was not seen lately takes several milliseconds more, and tails of rows take
    # longer than the padding that makes them whole.
    multiple = 8

    def __init__(self, graph: Path, precision: str) -> None:
        core = _openvino().Core()
        model = core.read_model(graph)
        # The file stays mapped beside what is compiled of it.
        mapped = sum(one.get_byte_size() for one in _constants(model))
        self._shared_bytes = mapped + upcast_embeddings(model)
        multiplied = (one for one in _constants(model) if not _is_embedding(one))
        self._weights = sum(one.get_byte_size() for one in multiplied)
        self.accepted = [one.any_name for one in model.inputs]
        self.precision = precision
        self._compiled = ByThreadCount(partial(_Compiled, core, model, _HINTS[precision]))

    @property
    def size_bytes(self) -> int:
        """As the contract says."""
        copies = OPENVINO_MEMORY[self.precision].bytes(self._weights, self._compiled.openings)
        return self._shared_bytes + copies

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


def _is_embedding(constant: Any) -> bool:
    """Whether rows of it are looked up: it is not copied then."""
    consumers = constant.output(0).get_target_inputs()
    return all(one.get_node().get_type_name() == "Gather" for one in consumers)


def _openvino() -> Any:
    # Where this package is, each import of OpenVINO is reported to its makers.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def upcast_embeddings(model: Any) -> int:
    """Give the lookups in an `openvino.Model` tables in float32 where theirs are in float16.

    OpenVINO would do it for each compiled model anew, and would hold the table as often. Returns
    the bytes of the new tables.
    """
    from openvino import op

    added = 0
    for lookup in model.get_ops():
        if lookup.get_type_name() != "Gather":
            continue
        table = lookup.input_value(0).get_node()
        if table.get_type_name() != "Constant" or table.get_element_type().to_dtype() != np.float16:
            continue
        upcast = op.Constant(table.get_data().astype(np.float32), shared_memory=True)
        lookup.input(0).replace_source_output(upcast.output(0))
        added += upcast.get_byte_size()
    if added:
        model.validate_nodes_and_infer_types()
    return added
