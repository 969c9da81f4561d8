"""A compiled graph computed by ONNX Runtime, which needs neither torch nor transformers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime

from app.runtimes.onnx.graph_runtime import GRAPH_FILE, Feed, GraphRuntime, read_description
from app.runtimes.resources import ONNXRUNTIME_MEMORY, ByThreadCount


def open_onnx(folder: Path) -> GraphRuntime:
    """Load what `export_network` or `quantise` wrote, computed in the precision of its graph.

    Quick, since most of it is mapped and not read.
    """
    description = read_description(folder)
    engine = OnnxRuntimeEngine(
        folder / GRAPH_FILE, description.precision, description.multiplied_bytes
    )
    return GraphRuntime(folder, description, engine)


class OnnxRuntimeEngine:
    """A session for one processor and, from the first call for several on, one for several.

    `multiplied` are the bytes of the weights that are multiplied. In int8 one text takes no less
    time on several.
    """

    name = "onnxruntime"
    multiple = 1

    def __init__(self, graph: Path, precision: str, multiplied: int) -> None:
        self._weights = multiplied
        self.precision = precision
        self._sessions = ByThreadCount(partial(_open_session, graph))
        self.accepted = [one.name for one in self._sessions.for_one.get_inputs()]

    @property
    def size_bytes(self) -> int:
        """As the contract says."""
        return ONNXRUNTIME_MEMORY[self.precision].bytes(self._weights, self._sessions.openings)

    def logits(self, feed: Feed, threads: int) -> np.ndarray:
        """As the contract says; in int8 always on one processor."""
        session = self._sessions.get(1 if self.precision == "int8" else threads)
        found: np.ndarray
        [found] = session.run(["logits"], feed)
        return found


def _open_session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session that sleeps while it has nothing to do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin for work take the processor from a transfer that trains beside us.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan of memory is kept for each shape of batch, and there are thousands of shapes.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(
        str(graph),
        options,
        providers=["CPUExecutionProvider"],
        # Its fused kernel takes four times as long as the two operators that it replaces.
        disabled_optimizers=["SkipLayerNormFusion"],
    )
