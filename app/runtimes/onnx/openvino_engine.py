"""A graph computed by OpenVINO."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from app.runtimes.onnx.graph_engine import Feed

_MOST_STREAMS = 16
_KEPT_SHAPES = 100
_HINTS = {"bfloat16": "bf16", "float32": "f32"}


class OpenvinoEngine:
    """One stream of work for each processor, and as many requests as there are callers.

    Each computes on one processor, however many are offered: a model for several at once would
    hold its weights a second time.
    """

    name = "openvino"

    def __init__(self, graph: Path, precision: str) -> None:
        core = _openvino().Core()
        model = core.read_model(graph)
        self.accepted = [one.any_name for one in model.inputs]
        # What is stored in half is held whole.
        self.size_bytes = sum(
            int(np.prod(one.get_output_shape(0))) * 4
            for one in model.get_ops()
            if one.get_type_name() == "Constant"
        )
        self._model = core.compile_model(model, "CPU", _properties(_HINTS[precision]))
        self._idle: list[Any] = []
        self._taking = threading.Lock()

    def logits(self, feed: Feed, threads: int) -> np.ndarray:
        """As the contract says, always on one processor."""
        with self._taking:
            request = self._idle.pop() if self._idle else self._model.create_infer_request()
        try:
            found: np.ndarray = request.infer(feed)["logits"]
        finally:
            with self._taking:
                self._idle.append(request)
        return found


def _openvino() -> Any:
    # Where this package is, each import of OpenVINO is reported to its makers.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def _properties(hint: str) -> dict[str, object]:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    streams = min(processors or os.cpu_count() or 1, _MOST_STREAMS)
    return {
        "INFERENCE_PRECISION_HINT": hint,
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
        # Who else computes on this machine is not known here.
        "ENABLE_CPU_PINNING": False,
        # What is prepared for a shape of batch takes memory, and there are thousands of shapes;
        # preparing it anew takes a twentieth of a batch.
        "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
    }
