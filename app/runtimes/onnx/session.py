"""A graph opened by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def open_session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session that computes on so many processors and sleeps while it has nothing to do."""
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
