"""The messages of the protocol's gRPC service `inference.GRPCInferenceService`.

They are built here, in a pool of their own, rather than by the protocol compiler: generated code
asks for one range of protobuf's versions, and a second description of the package `inference` in
the process (a client's) would be refused by the common pool.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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
