"""HTTP bodies of an inference: JSON, and behind it the raw bytes of tensors."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json, to_json

from app.api.oip.inference import InferAnswer, InferRequest
from app.api.oip.inputs import as_inputs, require_few
from app.api.oip.outputs import wanted_output
from app.api.oip.tensors import Tensor, checked_shape, from_raw, from_values, to_raw, to_values
from app.domain.errors.open_inference import InferenceRequestInvalid, TensorInvalid

_FORM = "Compare it with the Open Inference Protocol, version 2."


def read_request(body: bytes, header_length: str | None, most_inputs: int) -> InferRequest:
    """The request; `header_length` counts the bytes of JSON, None where nothing else is there.

    Raises InferenceRequestInvalid, TensorInvalid, TooManyInputs, OutputUnknown, UnusableInput.
    """
    size = _header_size(body, header_length)
    asked = _json_object(body[:size])
    raw = memoryview(body)[size:]
    tensors = []
    for given in _objects(asked, "inputs"):
        tensor, raw = _tensor(given, raw, most_inputs)
        tensors.append(tensor)
    if len(raw):
        problem = f"has {len(raw)} bytes that belong to no tensor"
        raise InferenceRequestInvalid(problem, "Give each tensor its `binary_data_size`.")
    return InferRequest(
        inputs=as_inputs(tensors),
        id=_id(asked),
        parameters=_parameters(asked),
        outputs=[
            wanted_output(one.get("name"), _parameters(one)) for one in _objects(asked, "outputs")
        ],
    )


def write_answer(answer: InferAnswer, asked: InferRequest) -> tuple[bytes, int | None]:
    """The body, and how many bytes of it are JSON where raw bytes follow."""
    all_binary = asked.parameters.get("binary_data_output") is True
    chosen = {wanted.name: wanted.binary for wanted in asked.outputs}
    outputs, blocks = [], []
    for tensor in answer.outputs:
        described: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
        }
        binary = chosen.get(tensor.name)
        if all_binary if binary is None else binary:
            blocks.append(to_raw(tensor))
            described["parameters"] = {"binary_data_size": len(blocks[-1])}
        else:
            described["data"] = to_values(tensor)
        outputs.append(described)
    head: dict[str, Any] = {"model_name": answer.model_name, "model_version": answer.model_version}
    if answer.id:
        head["id"] = answer.id
    written = to_json(head | {"outputs": outputs})
    return (b"".join((written, *blocks)), len(written)) if blocks else (written, None)


def _header_size(body: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(body)
    if header_length.isascii() and header_length.isdigit() and int(header_length) <= len(body):
        return int(header_length)
    problem = "has a header Inference-Header-Content-Length that is no length within the body"
    raise InferenceRequestInvalid(problem, "Count the bytes of the JSON at the body's beginning.")


def _json_object(written: bytes) -> dict[str, Any]:
    try:
        found = from_json(written, cache_strings="keys")
    except ValueError as cause:
        raise InferenceRequestInvalid(f"is no JSON: {cause}", _FORM) from cause
    if not isinstance(found, dict):
        raise InferenceRequestInvalid("is no JSON object", _FORM)
    return found


def _objects(asked: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = asked.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InferenceRequestInvalid(f"has `{name}` that are no list of objects", _FORM)
    return found


def _id(asked: dict[str, Any]) -> str:
    """Null, as MLServer's types write what is left out, is none; numbers are their digits."""
    found = asked.get("id")
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise InferenceRequestInvalid("has an `id` that is neither a text nor a number", _FORM)
    return str(found)


def _parameters(owner: dict[str, Any]) -> dict[str, Any]:
    found = owner.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InferenceRequestInvalid("has `parameters` that are no object", _FORM)
    return found


def _tensor(given: dict[str, Any], raw: memoryview, most_inputs: int) -> tuple[Tensor, memoryview]:
    """The tensor, and the raw bytes of those behind it."""
    name, datatype = str(given.get("name", "")), str(given.get("datatype", ""))
    shape = checked_shape(name, given.get("shape"))
    require_few(shape, most_inputs)
    size = _parameters(given).get("binary_data_size")
    if size is None:
        return from_values(name, datatype, shape, given.get("data")), raw
    if not isinstance(size, int) or not 0 <= size <= len(raw) or given.get("data") is not None:
        problem = f"has a `binary_data_size` of {size!r} where {len(raw)} bytes follow the JSON"
        raise TensorInvalid(name, problem[:200], "Send either `data` or so many raw bytes.")
    return from_raw(name, datatype, shape, raw[:size]), raw[size:]
