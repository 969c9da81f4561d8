"""Single operators with the options that exporters rarely use, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from app.formats.onnx.graph import read_graph
from app.formats.onnx.plan import make_routine, run_steps
from tests.support.onnx_models import a_graph, run_onnx

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 7, 9)).astype(np.float32)
INTS = {
    name: np.array(values, dtype=np.int64)
    for name, values in {
        "minus_one": [-1],
        "one": [1],
        "twos": [2, 2],
        "last_axes": [2, 3],
        "starts": [-1, 1],
        "ends": [-1000, 8],
        "steps": [-2, 3],
        "pads": [0, 0, 1, 2, 0, 0, 2, 1],
        "cut": [0, 0, -1, -2, 0, 0, 0, 1],
        "two_sides": [1, 2, 2, 1],
        "uneven": [1, 4, 2],
        "zeros": [0, 3, -1],
        "scalar": 2,
    }.items()
}
FLOATS = {
    "low": np.array(-0.5, dtype=np.float32),
    "high": np.array(0.5, dtype=np.float32),
    "seven": np.array(7.0, dtype=np.float32),
}

POOLS: list[dict[str, Any]] = [
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [1, 1, 0, 1], "ceil_mode": 1},
    {"kernel_shape": [3, 2], "strides": [3, 2], "pads": [0, 1, 1, 0]},
    {"kernel_shape": [2, 2], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [4, 4], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "VALID"},
]
CASES: list[tuple[str, list[str], dict[str, Any], int]] = [
    *(("MaxPool", ["images"], pool, 19) for pool in POOLS),
    ("MaxPool", ["images"], {"kernel_shape": [2, 3], "dilations": [2, 2], "ceil_mode": 1}, 19),
    *(("AveragePool", ["images"], pool, 19) for pool in POOLS),
    *(("AveragePool", ["images"], pool | {"count_include_pad": 1}, 19) for pool in POOLS),
    ("GlobalMaxPool", ["images"], {}, 17),
    ("LRN", ["images"], {"size": 3, "alpha": 0.1, "bias": 2.0}, 17),
    ("Softmax", ["images"], {}, 11),
    ("Softmax", ["images"], {}, 13),
    ("LogSoftmax", ["images"], {"axis": 2}, 11),
    ("Clip", ["images", "low", "high"], {}, 13),
    ("Clip", ["images", "", "high"], {}, 13),
    ("Clip", ["images"], {"min": -0.2}, 10),
    ("Elu", ["images"], {"alpha": 0.7}, 17),
    ("Selu", ["images"], {}, 17),
    ("Celu", ["images"], {"alpha": 1.5}, 17),
    ("HardSigmoid", ["images"], {"alpha": 0.3}, 17),
    ("HardSwish", ["images"], {}, 17),
    ("Gelu", ["images"], {"approximate": "tanh"}, 20),
    ("Mish", ["images"], {}, 18),
    ("Softsign", ["images"], {}, 17),
    ("Reshape", ["images", "zeros"], {}, 17),
    ("Flatten", ["images"], {"axis": -2}, 13),
    ("Flatten", ["images"], {"axis": 0}, 13),
    ("Transpose", ["images"], {}, 17),
    ("Unsqueeze", ["images", "minus_one"], {}, 13),
    ("Unsqueeze", ["images"], {"axes": [0, 2]}, 11),
    ("Slice", ["images", "starts", "ends", "last_axes", "steps"], {}, 13),
    ("Slice", ["images"], {"starts": [1], "ends": [100], "axes": [3]}, 9),
    ("Gather", ["images", "starts"], {"axis": 2}, 13),
    ("Gather", ["images", "scalar"], {"axis": 3}, 13),
    ("Pad", ["images", "pads", "low"], {}, 13),
    ("Pad", ["images", "pads"], {"mode": "reflect"}, 13),
    ("Pad", ["images", "pads"], {"mode": "edge"}, 13),
    ("Pad", ["images", "cut"], {}, 13),
    ("Pad", ["images", "two_sides", "seven", "last_axes"], {}, 18),
    ("Pad", ["images"], {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 3.0}, 9),
    ("Tile", ["images", "uneven_four"], {}, 13),
    ("ReduceMean", ["images", "last_axes"], {"keepdims": 0}, 18),
    ("ReduceMean", ["images"], {"axes": [-1]}, 13),
    ("ReduceSum", ["images"], {}, 13),
    ("ReduceSum", ["images"], {"noop_with_empty_axes": 1}, 13),
    ("ReduceMax", ["images"], {"axes": [1, 2]}, 13),
    ("ReduceProd", ["images"], {"axes": [1, 3], "keepdims": 0}, 13),
    ("ReduceL2", ["images"], {"axes": [1]}, 13),
    ("ReduceLogSumExp", ["images"], {"axes": [1]}, 13),
    ("Pow", ["images", "scalar"], {}, 15),
    ("Mod", ["images", "high"], {"fmod": 1}, 13),
    ("Max", ["images", "low", "high"], {}, 13),
    ("Mean", ["images", "low", "high"], {}, 13),
    ("Concat", ["images", "images"], {"axis": -1}, 13),
    ("Einsum", ["images", "images"], {"equation": "nchw,nchv->nwv"}, 13),
    ("Conv", ["images", "kernel"], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, 13),
    ("Conv", ["images", "kernel"], {"pads": [0, 1, 2, 1], "dilations": [1, 2]}, 13),
    ("LayerNormalization", ["images", "row"], {"axis": -1}, 17),
]
OTHERS = {
    "kernel": np.random.default_rng(1).normal(size=(4, 3, 2, 3)).astype(np.float32),
    "row": np.linspace(0.5, 1.5, 9, dtype=np.float32),
    "uneven_four": np.array([1, 2, 1, 3], dtype=np.int64),
}


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "opset"), CASES, ids=lambda value: str(value)[:60]
)
def test_an_operator_gives_the_numbers_of_onnx_runtime(
    operator: str, inputs: list[str], attributes: dict[str, Any], opset: int
) -> None:
    node = helper.make_node(operator, inputs, ["out"], **attributes)
    given = {k: v for k, v in (INTS | FLOATS | OTHERS).items() if k in inputs}
    model = a_graph([node], given, ("n", 3, 7, 9), opset, output_shape=None)
    assert np.allclose(_ours(model, IMAGES), run_onnx(model, IMAGES), atol=1e-5, rtol=1e-4)


def test_a_split_gives_parts_of_uneven_size() -> None:
    parts = helper.make_node("Split", ["images", "uneven"], ["a", "b", "c"], axis=2)
    model = a_graph([parts, helper.make_node("Neg", ["b"], ["out"])], {"uneven": INTS["uneven"]})
    assert np.array_equal(_ours(model, IMAGES), -IMAGES[:, :, 1:5])


def test_shapes_computed_in_the_graph_reshape_like_written_ones() -> None:
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"], axis=0),
        helper.make_node("Unsqueeze", ["batch", "zero_axis"], ["first"]),
        helper.make_node("Concat", ["first", "minus_one"], ["target"], axis=0),
        helper.make_node("Cast", ["target"], ["target_int32"], to=TensorProto.INT32),
        helper.make_node("Cast", ["target_int32"], ["target_again"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["images", "target_again"], ["out"], allowzero=1),
    ]
    zero = {"zero": np.array(0, dtype=np.int64), "zero_axis": np.array([0], dtype=np.int64)}
    model = a_graph(
        nodes, zero | {"minus_one": INTS["minus_one"]}, ("n", 3, 7, 9), output_shape=None
    )
    assert np.array_equal(_ours(model, IMAGES), run_onnx(model, IMAGES))


def _ours(model: Any, images: np.ndarray) -> np.ndarray:
    graph = read_graph(model)
    values = {name: torch.from_numpy(np.array(a)) for name, a in graph.constants.items()}
    values[graph.input] = torch.from_numpy(images)
    work = make_routine(graph.steps, graph.output)
    return run_steps(work, values, graph.opset, training=False).numpy()
