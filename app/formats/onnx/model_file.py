"""Reading an ONNX file, and refusing what can never become a network here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from app.domain.errors.onnx import (
    OnnxCustomDomain,
    OnnxExternalData,
    OnnxOpsetUnsupported,
    OnnxUnreadable,
)

STANDARD_DOMAINS = ("", "ai.onnx")
OLDEST_OPSET = 7


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
    files = {told.location for _, told in outside}
    for location in sorted(files):
        if not _is_inside(folder, location):
            raise OnnxExternalData([tensor.name or "unnamed" for tensor, _ in outside], location)
    # A tensor has its bytes for itself, so that a small file cannot fill the memory.
    left = sum((folder / location).stat().st_size for location in files)
    for tensor, told in outside:
        tensor.raw_data = _external_bytes(tensor.name or "unnamed", told, folder, left)
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


def _external_bytes(name: str, told: ExternalDataInfo, folder: Path, most: int) -> bytes:
    start, length = int(told.offset or 0), -1 if told.length is None else int(told.length)
    if start < 0 or length > most:
        raise OnnxUnreadable(f"{name} is said to lie where {told.location} has no such bytes.")
    with (folder / told.location).open("rb") as handle:
        handle.seek(start)
        content = handle.read(length if length >= 0 else most + 1)
    if len(content) > most or (length >= 0 and len(content) != length):
        raise OnnxUnreadable(f"{told.location} ends before {name} does.")
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
