"""Builders of small ONNX models, made with onnx itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Dimensions = Sequence[int | str | None]


def a_graph(
    nodes: Sequence[NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    input_shape: Dimensions = ("n", 1, 8, 8),
    opset: int = 17,
    metadata: dict[str, Any] | None = None,
    input_type: int = TensorProto.FLOAT,
    output_type: int = TensorProto.FLOAT,
    domains: Sequence[str] = (),
    output_shape: Dimensions | None = ("n", "classes"),
) -> ModelProto:
    """A model from `images` to the last node's first output; constants become initializers."""
    graph = helper.make_graph(
        list(nodes),
        "classifier",
        [helper.make_tensor_value_info("images", input_type, list(input_shape))],
        [helper.make_tensor_value_info(nodes[-1].output[0], output_type, output_shape)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    helper.set_model_props(model, {k: json.dumps(v) for k, v in (metadata or {}).items()})
    return model


def a_linear_classifier(
    classes: int = 3,
    input_shape: Dimensions = ("n", 1, 8, 8),
    dtype: type[np.generic] = np.float32,
    before: Sequence[NodeProto] = (),
    after: Sequence[NodeProto] = (),
    **graph: Any,
) -> ModelProto:
    """Flatten and two Gemm with a Relu between; `before` ends in `pixels`, `after` reads `z`."""
    generator = np.random.default_rng(0)
    pixels = int(np.prod([size for size in input_shape[1:] if isinstance(size, int)]))
    constants = {
        "w1": generator.normal(0, 0.3, (16, pixels)).astype(dtype),
        "b1": generator.normal(0, 0.3, 16).astype(dtype),
        "w2": generator.normal(0, 0.3, (16, classes)).astype(dtype),
        "b2": generator.normal(0, 0.3, classes).astype(dtype),
    }
    nodes = [
        *before,
        helper.make_node("Flatten", ["pixels" if before else "images"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["z"], name="last"),
        *after,
    ]
    constants |= graph.pop("constants", {})
    return a_graph(nodes, constants, input_shape, **graph)


def saved(model: ModelProto, folder: Path) -> Path:
    """The folder, with the model in it as `model.onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(model, folder / "model.onnx")
    return folder


def run_onnx(model: ModelProto | Path, feed: np.ndarray) -> np.ndarray:
    """ONNX Runtime's answer, image by image where the graph's batch is fixed."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    size = given.shape[0] if given.shape and isinstance(given.shape[0], int) else len(feed)
    parts = [feed[start : start + size] for start in range(0, len(feed), size)]
    return np.concatenate([session.run(None, {given.name: part})[0] for part in parts])
