"""Health, metadata and inference of the Open Inference Protocol over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import prod
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from app.api import error_examples as examples
from app.api.direct_route import DirectRoute
from app.api.errors import refusals
from app.api.oip.body import read_request, write_answer
from app.api.oip.inference import FEW_BYTES, InferAnswer, InferRequest, infer, reference_of
from app.api.oip.metadata import describe_model, predicting_facts, server_metadata
from app.api.routes.health import get_ready
from app.api.terms import terms_of
from app.api.while_connected import while_connected
from app.domain.errors import BabelportError
from app.serving.dataplane import DataPlane

router = APIRouter(prefix="/v2", tags=["open inference protocol"])
HEADER_LENGTH = "Inference-Header-Content-Length"
_NAME = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "A name (its newest version) or an id.",
}
_VERSION = _NAME | {"name": "version", "description": "A version of the name, or an alias."}
Route = TypeVar("Route", bound=Callable[..., Any])


def _of_model(method: str, ending: str, *errors: BabelportError) -> Callable[[Route], Route]:
    """The route below a model's name, and below each of its versions; its errors."""

    def add(route: Route) -> Route:
        for path, parameters in (("", [_NAME]), ("/versions/{version}", [_NAME, _VERSION])):
            router.add_api_route(
                f"/models/{{model}}{path}{ending}",
                route,
                methods=[method],
                route_class_override=DirectRoute if method == "POST" else None,
                responses=refusals(*errors),
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
    settings, terms = request.app.state.context.settings, terms_of(request.scope)
    body = await request.body()
    length = request.headers.get(HEADER_LENGTH)
    if len(body) <= FEW_BYTES:
        asked = read_request(body, length, settings.max_predict_inputs)
    else:
        asked = await asyncio.to_thread(read_request, body, length, settings.max_predict_inputs)
    work = infer(_dataplane(request), _reference(request), asked, terms)
    answer = await while_connected(request, work)
    if _size(answer) <= FEW_BYTES:
        return _response(answer, asked)
    return await asyncio.to_thread(_response, answer, asked)


@router.get("")
async def get_server() -> dict[str, Any]:
    """Tell the server's name, its version and the extensions that it knows."""
    return server_metadata()


@router.get("/health/live")
async def get_live() -> dict[str, bool]:
    """Tell that the process lives."""
    return {"live": True}


@router.get("/health/ready", responses=refusals(examples.NOT_READY))
async def get_server_ready(request: Request) -> dict[str, bool]:
    """Tell whether requests can be served, as `/ready` does."""
    await get_ready(request)
    return {"ready": True}


@_of_model("GET", "/ready", examples.NO_MODEL, examples.CANNOT_PREDICT)
async def get_model_ready(request: Request) -> dict[str, Any]:
    """Tell whether the model can answer; one that is not in memory is loaded when it is asked."""
    _, servable = await _dataplane(request).servable(_reference(request))
    predicting_facts(servable)
    return {"name": servable.name, "ready": True}


@_of_model("GET", "", examples.NO_MODEL, examples.CANNOT_PREDICT)
async def get_model(request: Request) -> dict[str, Any]:
    """Tell the model's versions, inputs and outputs."""
    return await describe_model(request.app.state.context, _dataplane(request), _reference(request))


def _response(answer: InferAnswer, asked: InferRequest) -> Response:
    content, json_length = write_answer(answer, asked)
    if json_length is None:
        return Response(content, media_type="application/json")
    headers = {HEADER_LENGTH: str(json_length)}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _size(answer: InferAnswer) -> int:
    """The bytes of the answer, roughly."""
    return 16 * sum(prod(tensor.shape) for tensor in answer.outputs)


def _dataplane(request: Request) -> DataPlane:
    found: DataPlane = request.app.state.dataplane
    return found


def _reference(request: Request) -> str:
    given = request.path_params
    return reference_of(given["model"], given.get("version", ""))
