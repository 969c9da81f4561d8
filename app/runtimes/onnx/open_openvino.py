"""Opening what was compiled with OpenVINO, which needs neither torch nor transformers."""

from __future__ import annotations

from pathlib import Path

from app.runtimes.onnx.description import GRAPH_FILE, read_description
from app.runtimes.onnx.graph_runtime import GraphRuntime
from app.runtimes.onnx.openvino_engine import OpenvinoEngine


def open_openvino(folder: Path, precision: str = "bfloat16") -> GraphRuntime:
    """Load what `export_network` wrote, computed in `precision`, bfloat16 or float32."""
    engine = OpenvinoEngine(folder / GRAPH_FILE, precision)
    return GraphRuntime(folder, read_description(folder), engine)
