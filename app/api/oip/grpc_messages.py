"""The messages of the protocol's gRPC service `inference.GRPCInferenceService`, read and written.

They are built here, in a pool of their own, rather than by the protocol compiler: generated code
asks for one range of protobuf's versions, and a second description of the package `inference` in
the process (a client's) would be refused by the common pool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from app.api.oip.operations import InferRequest, InferResponse
from app.api.oip.tensors import (
    Tensor,
    as_inputs,
    checked_shape,
    from_raw,
    from_values,
    requested_output,
    require_few,
    to_raw,
)
from app.domain.errors.predictions import InferenceRequestInvalid, TensorInvalid

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
_PARAMETERS = "map InferParameter"
_LOAD = "string repository_name", "string model_name", "map ModelRepositoryParameter parameters"
# Each message's fields in the order of their numbers, from 1. `list` is a repeated field, `map` one
# from strings, `choice` a member of the message's only oneof. A name with a dot lies in the other.
_MESSAGES: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("bool live",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("bool ready",),
    "ModelReadyRequest": ("string name", "string version"),
    "ModelReadyResponse": ("bool ready",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("string name", "string version", "list string extensions"),
    "ModelMetadataRequest": ("string name", "string version"),
    "ModelMetadataResponse": (
        "string name",
        "list string versions",
        "string platform",
        "list ModelMetadataResponse.TensorMetadata inputs",
        "list ModelMetadataResponse.TensorMetadata outputs",
    ),
    "ModelMetadataResponse.TensorMetadata": ("string name", "string datatype", "list int64 shape"),
    "InferParameter": (
        "choice bool bool_param",
        "choice int64 int64_param",
        "choice string string_param",
        "choice double double_param",
        "choice uint64 uint64_param",
    ),
    "InferTensorContents": (
        "list bool bool_contents",
        "list int32 int_contents",
        "list int64 int64_contents",
        "list uint32 uint_contents",
        "list uint64 uint64_contents",
        "list float fp32_contents",
        "list double fp64_contents",
        "list bytes bytes_contents",
    ),
    "ModelInferRequest": (
        "string model_name",
        "string model_version",
        "string id",
        f"{_PARAMETERS} parameters",
        "list ModelInferRequest.InferInputTensor inputs",
        "list ModelInferRequest.InferRequestedOutputTensor outputs",
        "list bytes raw_input_contents",
    ),
    "ModelInferRequest.InferInputTensor": (
        "string name",
        "string datatype",
        "list int64 shape",
        f"{_PARAMETERS} parameters",
        "InferTensorContents contents",
    ),
    "ModelInferRequest.InferRequestedOutputTensor": ("string name", f"{_PARAMETERS} parameters"),
    "ModelInferResponse": (
        "string model_name",
        "string model_version",
        "string id",
        f"{_PARAMETERS} parameters",
        "list ModelInferResponse.InferOutputTensor outputs",
        "list bytes raw_output_contents",
    ),
    "ModelInferResponse.InferOutputTensor": (
        "string name",
        "string datatype",
        "list int64 shape",
        f"{_PARAMETERS} parameters",
        "InferTensorContents contents",
    ),
    "ModelRepositoryParameter": (
        "choice bool bool_param",
        "choice int64 int64_param",
        "choice string string_param",
        "choice bytes bytes_param",
    ),
    "RepositoryIndexRequest": ("string repository_name", "bool ready"),
    "RepositoryIndexResponse": ("list RepositoryIndexResponse.ModelIndex models",),
    "RepositoryIndexResponse.ModelIndex": (
        "string name",
        "string version",
        "string state",
        "string reason",
    ),
    "RepositoryModelLoadRequest": _LOAD,
    "RepositoryModelLoadResponse": (),
    "RepositoryModelUnloadRequest": _LOAD,
    "RepositoryModelUnloadResponse": (),
}
# The field of InferTensorContents that holds the elements of a datatype; FP16 travels raw alone.
_CONTENTS_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_RAW_ADVICE = "Send `raw_input_contents` for each input tensor, or `contents` in each."


def message(name: str) -> Any:
    """The class of a message, such as `ModelInferRequest`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    made: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        owner = made[outer].nested_type if outer else file.message_type
        made[name] = owner.add(name=inner)
        for number, field in enumerate(fields, 1):
            _add_field(made[name], name, number, field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(owner: Any, owner_name: str, number: int, words: list[str]) -> None:
    *kinds, type_name, name = words
    field = owner.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if "choice" in kinds:
        if not owner.oneof_decl:
            owner.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    if kinds and kinds[0] in ("list", "map"):
        field.label = _Field.LABEL_REPEATED
    if "map" in kinds:
        entry = owner.nested_type.add(name="ParametersEntry")
        entry.options.map_entry = True
        _add_field(entry, "", 1, ["string", "key"])
        _add_field(entry, "", 2, [type_name, "value"])
        type_name = f"{owner_name}.ParametersEntry"
    if type_name in _SCALARS:
        field.type = _SCALARS[type_name]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{type_name}"


_POOL = _pool()
_RESPONSE = message("ModelInferResponse")


def read_request(request: Any, most_inputs: int) -> InferRequest:
    """The request of a ModelInferRequest.

    Raises InferenceRequestInvalid, TensorInvalid, TooManyInputs, OutputUnknown, UnusableInput.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        problem = f"has {len(raw)} raw contents for {len(request.inputs)} input tensors"
        raise InferenceRequestInvalid(problem, _RAW_ADVICE)
    tensors = [
        _tensor(one, raw[place] if raw else None, most_inputs)
        for place, one in enumerate(request.inputs)
    ]
    outputs = [requested_output(one.name, parameters_of(one)) for one in request.outputs]
    return InferRequest(as_inputs(tensors), request.id, parameters_of(request), outputs)


def write_response(response: InferResponse, request: Any) -> Any:
    """The ModelInferResponse: with raw contents, or with typed ones where the request has such."""
    written = _RESPONSE(
        model_name=response.model_name, model_version=response.model_version, id=response.id
    )
    typed = not request.raw_input_contents
    for tensor in response.outputs:
        output = written.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if typed:
            getattr(output.contents, _CONTENTS_FIELDS[tensor.datatype]).extend(_elements(tensor))
        else:
            written.raw_output_contents.append(to_raw(tensor))
    return written


def parameters_of(owner: Any) -> dict[str, Any]:
    """The parameters of a message by name; one without a value is left out."""
    chosen = (
        (name, one, one.WhichOneof("parameter_choice")) for name, one in owner.parameters.items()
    )
    return {name: getattr(one, choice) for name, one, choice in chosen if choice}


def _tensor(sent: Any, raw: bytes | None, most_inputs: int) -> Tensor:
    shape = checked_shape(sent.name, tuple(sent.shape))
    require_few(shape, most_inputs)
    if raw is None:
        if sent.datatype not in _CONTENTS_FIELDS:
            problem = f"of {sent.datatype!r} has no raw contents"[:100]
            raise TensorInvalid(sent.name, problem, f"Use one of {', '.join(_CONTENTS_FIELDS)}.")
        elements = list(getattr(sent.contents, _CONTENTS_FIELDS[sent.datatype]))
        return from_values(sent.name, sent.datatype, shape, elements)
    if sent.HasField("contents"):
        raise TensorInvalid(sent.name, "has contents twice", _RAW_ADVICE)
    return from_raw(sent.name, sent.datatype, shape, memoryview(raw))


def _elements(tensor: Tensor) -> list[Any]:
    if isinstance(tensor.elements, np.ndarray):
        values: list[Any] = tensor.elements.ravel().tolist()
        return values
    return [one.encode("utf-8") if isinstance(one, str) else one for one in tensor.elements]
