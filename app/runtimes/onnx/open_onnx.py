"""Opening what was compiled with ONNX Runtime, which needs neither torch nor transformers."""

from __future__ import annotations

from pathlib import Path

from app.runtimes.onnx.description import GRAPH_FILE, read_description
from app.runtimes.onnx.graph_runtime import GraphRuntime
from app.runtimes.onnx.ort_engine import OrtEngine


def open_onnx(folder: Path) -> GraphRuntime:
    """Load what `export_network` or `quantise` wrote, computed in the precision of its graph.

    Quick, since most of it is mapped and not read.
    """
    description = read_description(folder)
    engine = OrtEngine(folder / GRAPH_FILE, description.precision, description.multiplied_bytes)
    return GraphRuntime(folder, description, engine)
