"""An ONNX file as a Graph in plain Python, refused where it can never become a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from app.domain.errors.model_formats import (
    OnnxCustomDomain,
    OnnxExternalData,
    OnnxNotAnImageClassifier,
    OnnxOpsetUnsupported,
    OnnxUnreadable,
)

Shape = tuple[int | None, ...]
STANDARD_DOMAINS = ("", "ai.onnx")
OLDEST_OPSET = 7
LAYER_OPERATORS = ("Conv", "Gemm", "MatMul", "Einsum")  # those with weights


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
        layers = [name for name in LAYER_OPERATORS if counts[name]]
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

    Whether that was enough is tried out by `check_network`, which refuses the graph otherwise.
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


def read_model(folder: Path) -> ModelProto:
    """The checked model in a folder's only `.onnx` file, its local functions inlined.

    So are weights that lie in a file beside it, as torch's exporter writes them. Raises
    OnnxUnreadable, OnnxExternalData, OnnxCustomDomain or OnnxOpsetUnsupported. Nothing
    of the model is run.
    """
    model = _parse(_only_file(folder))
    _inline_external_data(model, folder)
    try:
        onnx.checker.check_model(model)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except (onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise OnnxUnreadable(_first_line(error)) from error
    _refuse_custom_domains(model)
    if opset_of(model) < OLDEST_OPSET:
        raise OnnxOpsetUnsupported(opset_of(model), OLDEST_OPSET)
    return model


def onnx_files(folder: Path) -> list[Path]:
    """The `.onnx` files directly in a folder."""
    return sorted(path for path in folder.glob("*.onnx") if path.is_file())


def opset_of(model: ModelProto) -> int:
    """The version of the standard operators that the graph is written in."""
    return max((o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS), default=1)


def _only_file(folder: Path) -> Path:
    files = onnx_files(folder)
    if len(files) != 1:
        raise OnnxUnreadable(f"{len(files)} .onnx files in one upload, where one is expected.")
    return files[0]


def _parse(path: Path) -> ModelProto:
    try:
        model = onnx.load_model(path, load_external_data=False)
    except (DecodeError, ValueError) as error:
        raise OnnxUnreadable(_first_line(error)) from error
    if model.graph.sparse_initializer:
        raise OnnxUnreadable("It holds sparse weights, which are not supported.")
    return model


def _inline_external_data(model: ModelProto, folder: Path) -> None:
    """Put weights from files of the folder into the model; OnnxExternalData for any other file."""
    graphs = [model.graph.node, *(function.node for function in model.functions)]
    tensors = [*model.graph.initializer, *(t for nodes in graphs for t in _node_tensors(nodes))]
    try:
        outside = [(t, ExternalDataInfo(t)) for t in tensors if uses_external_data(t)]
    except ValueError as error:
        raise OnnxUnreadable(f"where its weights lie is no number ({error}).") from error
    files = {info.location for _, info in outside}
    for location in sorted(files):
        if not _is_inside(folder, location):
            raise OnnxExternalData([tensor.name or "unnamed" for tensor, _ in outside], location)
    # A tensor has its bytes for itself, so that a small file cannot fill the memory.
    left = sum((folder / location).stat().st_size for location in files)
    for tensor, info in outside:
        tensor.raw_data = _external_bytes(tensor.name or "unnamed", info, folder, left)
        left -= len(tensor.raw_data)
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT


def _is_inside(folder: Path, location: str) -> bool:
    """Whether a location is that of a plain file of the upload, and leads nowhere else."""
    place = PurePosixPath(location.replace("\\", "/"))
    if not location or place.is_absolute() or ".." in place.parts or "\0" in location:
        return False
    file = folder / place
    inside = file.resolve().is_relative_to(folder.resolve())
    return inside and file.is_file() and not file.is_symlink()


def _external_bytes(name: str, info: ExternalDataInfo, folder: Path, most: int) -> bytes:
    start, length = int(info.offset or 0), -1 if info.length is None else int(info.length)
    if start < 0 or length > most:
        raise OnnxUnreadable(f"{name} is said to lie where {info.location} has no such bytes.")
    with (folder / info.location).open("rb") as handle:
        handle.seek(start)
        content = handle.read(length if length >= 0 else most + 1)
    if len(content) > most or (length >= 0 and len(content) != length):
        raise OnnxUnreadable(f"{info.location} ends before {name} does.")
    return content


def _node_tensors(nodes: list[onnx.NodeProto]) -> Iterator[TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from ([attribute.t] if attribute.HasField("t") else attribute.tensors)
        inner = [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
        yield from (tensor for graph in inner for tensor in _graph_tensors(graph))


def _graph_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    yield from _node_tensors(graph.node)


def _refuse_custom_domains(model: ModelProto) -> None:
    foreign = {
        f"{node.domain}.{node.op_type}"
        for node in model.graph.node
        if node.domain not in STANDARD_DOMAINS
    }
    if foreign:
        raise OnnxCustomDomain(sorted(foreign))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
