"""Requests and answers of an inference as gRPC messages."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.api.oip.grpc_messages import message
from app.api.oip.inference import InferAnswer, InferRequest
from app.api.oip.inputs import as_inputs, require_few
from app.api.oip.outputs import wanted_output
from app.api.oip.tensors import Tensor, checked_shape, from_raw, from_values, to_raw
from app.domain.errors.open_inference import InferenceRequestInvalid, TensorInvalid

# The field of InferTensorContents that holds the elements of a datatype; FP16 travels raw alone.
_FIELDS = {
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
_RAW = "Send `raw_input_contents` for each input tensor, or `contents` in each."
_RESPONSE = message("ModelInferResponse")


def read_request(asked: Any, most_inputs: int) -> InferRequest:
    """The request of a ModelInferRequest.

    Raises InferenceRequestInvalid, TensorInvalid, TooManyInputs, OutputUnknown, UnusableInput.
    """
    raw = asked.raw_input_contents
    if raw and len(raw) != len(asked.inputs):
        problem = f"has {len(raw)} raw contents for {len(asked.inputs)} input tensors"
        raise InferenceRequestInvalid(problem, _RAW)
    tensors = [
        _tensor(given, raw[place] if raw else None, most_inputs)
        for place, given in enumerate(asked.inputs)
    ]
    outputs = [wanted_output(one.name, parameters_of(one)) for one in asked.outputs]
    return InferRequest(as_inputs(tensors), asked.id, parameters_of(asked), outputs)


def write_answer(answer: InferAnswer, asked: Any) -> Any:
    """The ModelInferResponse: raw contents, but typed ones to who sent such."""
    written = _RESPONSE(
        model_name=answer.model_name, model_version=answer.model_version, id=answer.id
    )
    typed = not asked.raw_input_contents
    for tensor in answer.outputs:
        output = written.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if typed:
            getattr(output.contents, _FIELDS[tensor.datatype]).extend(_elements(tensor))
        else:
            written.raw_output_contents.append(to_raw(tensor))
    return written


def parameters_of(owner: Any) -> dict[str, Any]:
    """The parameters of a message by name; one without a value is left out."""
    chosen = (
        (name, one, one.WhichOneof("parameter_choice")) for name, one in owner.parameters.items()
    )
    return {name: getattr(one, choice) for name, one, choice in chosen if choice}


def _tensor(given: Any, raw: bytes | None, most_inputs: int) -> Tensor:
    shape = checked_shape(given.name, tuple(given.shape))
    require_few(shape, most_inputs)
    if raw is None:
        if given.datatype not in _FIELDS:
            problem = f"of {given.datatype!r} has no raw contents"[:100]
            raise TensorInvalid(given.name, problem, f"Use one of {', '.join(_FIELDS)}.")
        elements = list(getattr(given.contents, _FIELDS[given.datatype]))
        return from_values(given.name, given.datatype, shape, elements)
    if given.HasField("contents"):
        raise TensorInvalid(given.name, "has contents twice", _RAW)
    return from_raw(given.name, given.datatype, shape, memoryview(raw))


def _elements(tensor: Tensor) -> list[Any]:
    if isinstance(tensor.elements, np.ndarray):
        values: list[Any] = tensor.elements.ravel().tolist()
        return values
    return [one.encode("utf-8") if isinstance(one, str) else one for one in tensor.elements]
