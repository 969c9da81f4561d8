"""The Graph: an ONNX graph as plain Python, ready to be planned and run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from app.domain.errors.onnx import OnnxNotAnImageClassifier
from app.formats.onnx.model_file import opset_of

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Step:
    """One node; an absent optional input is the empty name.

    Attributes are plain Python values; tensors among them are arrays.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Graph:
    """The steps in order and the constants they read, floats as float32.

    `input_shape` has None for dynamic dimensions; `integer_input` tells that the graph takes raw
    pixels. `batch` is the number of images the graph was exported for, None where it is free.
    """

    steps: tuple[Step, ...]
    constants: dict[str, np.ndarray]
    input: str
    input_shape: Shape
    integer_input: bool
    output: str
    opset: int

    @property
    def batch(self) -> int | None:
        """The fixed first dimension of the input, None where any batch may come."""
        return self.input_shape[0] if self.input_shape else None

    def producers(self) -> dict[str, Step]:
        """The step that makes each value."""
        return {name: step for step in self.steps for name in step.outputs if name}

    def summary(self) -> str:
        """The layers that carry weights, such as `2 Conv, 2 Gemm`."""
        counts = Counter(step.operator for step in self.steps)
        layers = [name for name in ("Conv", "Gemm", "MatMul", "Einsum") if counts[name]]
        return ", ".join(f"{counts[name]} {name}" for name in layers) or "no layers"


def read_graph(model: ModelProto) -> Graph:
    """Turn a checked model into a Graph; raises OnnxNotAnImageClassifier."""
    constants = {tensor.name: array_of(tensor) for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        found = f"it has {len(inputs)} inputs and {len(model.graph.output)} outputs."
        raise OnnxNotAnImageClassifier(found)
    steps = []
    for node in model.graph.node:
        if (constant := constant_of(node)) is not None:
            constants[node.output[0]] = constant
        else:
            steps.append(_step(node))
    tensor = inputs[0].type.tensor_type
    graph = Graph(
        steps=tuple(steps),
        constants=constants,
        input=inputs[0].name,
        input_shape=tuple(d.dim_value or None for d in tensor.shape.dim),
        integer_input=not _is_float(tensor.elem_type),
        output=model.graph.output[0].name,
        opset=opset_of(model),
    )
    return _free_batch(graph)


def array_of(tensor: TensorProto) -> np.ndarray:
    """A tensor as an array; every float type becomes float32, in which networks are trained."""
    array: np.ndarray = np.asarray(numpy_helper.to_array(tensor))
    return array.astype(np.float32) if _is_float(tensor.data_type) else array


def constant_of(node: NodeProto) -> np.ndarray | None:
    """The value of a Constant node of numbers; None for every other node."""
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return None
    value = _value(node.attribute[0])
    if isinstance(value, np.ndarray):
        return value
    kind = np.float32 if node.attribute[0].name.startswith("value_float") else np.int64
    return None if isinstance(value, str | bytes) else np.asarray(value, dtype=kind)


def _step(node: NodeProto) -> Step:
    return Step(
        operator=node.op_type,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={attribute.name: _value(attribute) for attribute in node.attribute},
        name=node.name,
    )


def _value(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return array_of(value) if isinstance(value, TensorProto) else value


def _is_float(data_type: int) -> bool:
    return data_type in (
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
        TensorProto.BFLOAT16,
        TensorProto.DOUBLE,
    )


def _free_batch(graph: Graph) -> Graph:
    """Let a graph exported for a fixed batch take any: Reshape infers or copies the batch.

    Whether that was enough is tried out in `trial.py`; a graph for which it was not is refused.
    """
    if graph.batch is None:
        return graph
    constants = dict(graph.constants)
    steps = []
    for step in graph.steps:
        shape = constants.get(step.inputs[1]) if step.operator == "Reshape" else None
        if shape is not None and shape.size and shape[0] == graph.batch and (shape[1:] != 0).all():
            name = f"{step.outputs[0]}:any-batch"
            inferred = 0 if (shape[1:] == -1).any() else -1
            constants[name] = np.concatenate([[inferred], shape[1:]]).astype(np.int64)
            step = replace(step, inputs=(step.inputs[0], name), attributes={})
        steps.append(step)
    return replace(graph, steps=tuple(steps), constants=constants)
