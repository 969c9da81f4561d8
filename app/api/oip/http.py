"""The protocol over HTTP: routes, and bodies of JSON followed by the raw bytes of tensors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from math import prod
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic_core import from_json, to_json

from app.api import error_examples as examples
from app.api.errors import inference_responses
from app.api.oip.operations import (
    FEW_BYTES,
    InferRequest,
    InferResponse,
    ModelRepository,
    describe_model,
    infer,
    predicting_facts,
    reference_of,
    server_metadata,
)
from app.api.oip.tensors import (
    Tensor,
    as_inputs,
    checked_shape,
    from_raw,
    from_values,
    requested_output,
    require_few,
    to_raw,
    to_values,
)
from app.api.prediction_requests import DirectRoute, cancel_on_disconnect, options_of
from app.api.routes.health import get_ready
from app.domain.errors import BabelportError
from app.domain.errors.predictions import InferenceRequestInvalid, TensorInvalid
from app.serving.dataplane import DataPlane

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
repository_router = APIRouter(prefix="/v2/repository", tags=["open inference protocol"])
HEADER_LENGTH = "Inference-Header-Content-Length"
_MODEL_PARAMETER = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "A name (its newest version) or an id.",
}
_VERSION_PARAMETER = _MODEL_PARAMETER | {
    "name": "version",
    "description": "A version of the name, or an alias.",
}
_REPOSITORY_MODEL: dict[str, Any] = {
    "parameters": [
        _MODEL_PARAMETER | {"description": "A name (its newest version), name@version or an id."}
    ]
}
_BODY_ADVICE = "Compare it with the Open Inference Protocol, version 2."
Route = TypeVar("Route", bound=Callable[..., Any])


def _of_model(method: str, ending: str, *errors: BabelportError) -> Callable[[Route], Route]:
    """The route below a model's name, and below each of its versions; its errors."""

    def add(route: Route) -> Route:
        for path, parameters in (
            ("", [_MODEL_PARAMETER]),
            ("/versions/{version}", [_MODEL_PARAMETER, _VERSION_PARAMETER]),
        ):
            router.add_api_route(
                f"/models/{{model}}{path}{ending}",
                route,
                methods=[method],
                route_class_override=DirectRoute if method == "POST" else None,
                responses=inference_responses(*errors),
                # The route reads them itself, so the framework does not see them.
                openapi_extra={"parameters": parameters},
            )
        return route

    return add


# First, since addresses are looked for in the order of their routes.
@_of_model(
    "POST",
    "/infer",
    examples.NO_MODEL,
    examples.CANNOT_PREDICT,
    examples.NOT_FINITE,
    examples.TOO_MANY_INPUTS,
    examples.INFERENCE_INVALID,
    examples.TENSOR_INVALID,
    examples.OUTPUT_UNKNOWN,
    examples.INPUT_UNUSABLE,
    examples.BAD_TIMEOUT,
    examples.QUEUE_FULL,
    examples.NOT_LOADED,
    examples.STOPPED,
    examples.TOO_LATE,
    examples.SILENT,
)
async def post_infer(request: Request) -> Response:
    """Predict for the rows of one input tensor, sent as JSON or as raw bytes."""
    settings, options = request.app.state.context.settings, options_of(request.scope)
    body = await request.body()
    length = request.headers.get(HEADER_LENGTH)
    if len(body) <= FEW_BYTES:
        infer_request = read_request(body, length, settings.max_predict_inputs)
    else:
        limit = settings.max_predict_inputs
        infer_request = await asyncio.to_thread(read_request, body, length, limit)
    work = infer(_dataplane(request), _reference(request), infer_request, options)
    answer = await cancel_on_disconnect(request, work)
    if _size(answer) <= FEW_BYTES:
        return _response(answer, infer_request)
    return await asyncio.to_thread(_response, answer, infer_request)


@router.get("")
async def get_server() -> dict[str, Any]:
    """Read the server's name, its version and the extensions that it supports."""
    return server_metadata()


@router.get("/health/live")
async def get_live() -> dict[str, bool]:
    """Report that the process is alive."""
    return {"live": True}


@router.get("/health/ready", responses=inference_responses(examples.NOT_READY))
async def get_server_ready(request: Request) -> dict[str, bool]:
    """Report whether requests can be served, as `/ready` does."""
    await get_ready(request)
    return {"ready": True}


@_of_model("GET", "/ready", examples.NO_MODEL, examples.CANNOT_PREDICT)
async def get_model_ready(request: Request) -> dict[str, Any]:
    """Report whether the model can answer; one not in memory is loaded by its first request."""
    _, servable = await _dataplane(request).servable(_reference(request))
    predicting_facts(servable)
    return {"name": servable.name, "ready": True}


@_of_model("GET", "", examples.NO_MODEL, examples.CANNOT_PREDICT)
async def get_model(request: Request) -> dict[str, Any]:
    """Read the model's versions, inputs and outputs."""
    return await describe_model(request.app.state.context, _dataplane(request), _reference(request))


@repository_router.post(
    "/index",
    responses=inference_responses(examples.INFERENCE_INVALID, examples.STOPPED, examples.SILENT),
)
async def post_index(request: Request) -> list[dict[str, Any]]:
    """List the models that can answer; `{"ready": true}` leaves out those not in memory."""
    ready_only = _index_request(await request.body()).get("ready") is True
    return [asdict(entry) for entry in await _repository(request).index(ready_only)]


@repository_router.post(
    "/models/{model}/load",
    responses=inference_responses(
        examples.NO_MODEL,
        examples.CANNOT_PREDICT,
        examples.MEMORY_FULL,
        examples.NOT_LOADED,
        examples.STOPPED,
        examples.SILENT,
    ),
    openapi_extra=_REPOSITORY_MODEL,
)
async def post_load(request: Request) -> Response:
    """Bring a model into memory, to stay until it is unloaded."""
    await _repository(request).load(request.path_params["model"])
    return Response()


@repository_router.post(
    "/models/{model}/unload",
    responses=inference_responses(examples.NO_MODEL, examples.STOPPED, examples.SILENT),
    openapi_extra=_REPOSITORY_MODEL,
)
async def post_unload(request: Request) -> Response:
    """Take a model out of memory; the next request for it loads it again."""
    await _repository(request).unload(request.path_params["model"])
    return Response()


def _dataplane(request: Request) -> DataPlane:
    found: DataPlane = request.app.state.dataplane
    return found


def _repository(request: Request) -> ModelRepository:
    state = request.app.state
    return ModelRepository(state.context, state.dataplane, state.predictor)


def _reference(request: Request) -> str:
    parameters = request.path_params
    return reference_of(parameters["model"], parameters.get("version", ""))


def _index_request(body: bytes) -> dict[str, Any]:
    try:
        found = from_json(body) if body else {}
    except ValueError as cause:
        raise InferenceRequestInvalid(f"is no JSON: {cause}", 'Send {"ready": true}.') from cause
    return found if isinstance(found, dict) else {}


def _response(answer: InferResponse, request: InferRequest) -> Response:
    content, json_length = write_response(answer, request)
    if json_length is None:
        return Response(content, media_type="application/json")
    headers = {HEADER_LENGTH: str(json_length)}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _size(answer: InferResponse) -> int:
    """The bytes of the answer, roughly."""
    return 16 * sum(prod(tensor.shape) for tensor in answer.outputs)


def read_request(body: bytes, header_length: str | None, most_inputs: int) -> InferRequest:
    """The request; `header_length` counts the bytes of JSON, None where nothing else is there.

    Raises InferenceRequestInvalid, TensorInvalid, TooManyInputs, OutputUnknown, UnusableInput.
    """
    size = _header_size(body, header_length)
    request = _json_object(body[:size])
    raw = memoryview(body)[size:]
    tensors = []
    for entry in _objects(request, "inputs"):
        tensor, raw = _tensor(entry, raw, most_inputs)
        tensors.append(tensor)
    if len(raw):
        problem = f"has {len(raw)} bytes that belong to no tensor"
        raise InferenceRequestInvalid(problem, "Give each tensor its `binary_data_size`.")
    return InferRequest(
        inputs=as_inputs(tensors),
        id=_id(request),
        parameters=_parameters(request),
        outputs=[
            requested_output(one.get("name"), _parameters(one))
            for one in _objects(request, "outputs")
        ],
    )


def write_response(answer: InferResponse, request: InferRequest) -> tuple[bytes, int | None]:
    """The body, and how many bytes of it are JSON where raw bytes follow."""
    all_binary = request.parameters.get("binary_data_output") is True
    chosen = {wanted.name: wanted.binary for wanted in request.outputs}
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
        raise InferenceRequestInvalid(f"is no JSON: {cause}", _BODY_ADVICE) from cause
    if not isinstance(found, dict):
        raise InferenceRequestInvalid("is no JSON object", _BODY_ADVICE)
    return found


def _objects(request: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = request.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InferenceRequestInvalid(f"has `{name}` that are no list of objects", _BODY_ADVICE)
    return found


def _id(request: dict[str, Any]) -> str:
    """Null, as MLServer's types write what is left out, is none; numbers are their digits."""
    found = request.get("id")
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise InferenceRequestInvalid(
            "has an `id` that is neither a text nor a number", _BODY_ADVICE
        )
    return str(found)


def _parameters(owner: dict[str, Any]) -> dict[str, Any]:
    found = owner.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InferenceRequestInvalid("has `parameters` that are no object", _BODY_ADVICE)
    return found


def _tensor(entry: dict[str, Any], raw: memoryview, most_inputs: int) -> tuple[Tensor, memoryview]:
    """The tensor, and the raw bytes of those behind it."""
    name, datatype = str(entry.get("name", "")), str(entry.get("datatype", ""))
    shape = checked_shape(name, entry.get("shape"))
    require_few(shape, most_inputs)
    size = _parameters(entry).get("binary_data_size")
    if size is None:
        return from_values(name, datatype, shape, entry.get("data")), raw
    if not isinstance(size, int) or not 0 <= size <= len(raw) or entry.get("data") is not None:
        problem = f"has a `binary_data_size` of {size!r} where {len(raw)} bytes follow the JSON"
        raise TensorInvalid(name, problem[:200], "Send either `data` or so many raw bytes.")
    return from_raw(name, datatype, shape, raw[:size]), raw[size:]
