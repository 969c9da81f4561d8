"""A compiled graph in 8-bit integers, made of one in float32."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import onnx_ir
from onnxruntime.quantization import QuantType, quantize_dynamic

from app.runtimes.onnx.description import (
    GRAPH_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    read_description,
    write_description,
)
from app.runtimes.onnx.graph_changes import multiplied_bytes
from app.telemetry.hushed import hushed


def quantise(source: Path, folder: Path, whole: bool) -> None:
    """Write the artifact in `source` into an absent `folder`, its matrix products in int8.

    Weights have a scale for each output, activations one for each batch, found while it is
    computed: what shares a batch changes an answer a little. Without `whole`, products that narrow
    (a transformer's way back from its wide layer, a head) stay in float32: what they read has
    few very large numbers, beside which one scale leaves nothing of the others. ValueError where
    there is nothing to quantise.
    """
    folder.mkdir()
    wide, narrow = _products(source / GRAPH_FILE)
    if not wide and not (whole and narrow):
        raise ValueError("there is no matrix product to quantise")
    # The library advises a preparation that changes nothing here, on the root logger.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, hushed():
        written = Path(scratch) / GRAPH_FILE
        quantize_dynamic(
            source / GRAPH_FILE,
            written,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[] if whole else narrow,
            use_external_data_format=True,
        )
        graph = onnx_ir.load(written)
        onnx_ir.save(
            graph, folder / GRAPH_FILE, external_data=WEIGHTS_FILE, size_threshold_bytes=1024
        )
    if (source / TOKENIZER_FILE).is_file():
        shutil.copyfile(source / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    changes = {"precision": "int8", "multiplied_bytes": multiplied_bytes(graph)}
    description = read_description(source).model_copy(update=changes)
    write_description(description, folder)


def _products(graph: Path) -> tuple[list[str], list[str]]:
    """The names of products with weights: those that keep or widen their input, and narrow it."""
    wide: list[str] = []
    narrow: list[str] = []
    for node in onnx_ir.load(graph).graph:
        weights = node.inputs[1] if node.op_type == "MatMul" else None
        if weights is not None and weights.const_value is not None:
            rows, columns = weights.const_value.shape.numpy()[-2:]
            (narrow if rows > columns else wide).append(str(node.name))
    return wide, narrow
