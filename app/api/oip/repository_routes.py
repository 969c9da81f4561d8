"""The model repository extension over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import from_json

from app.api import error_examples as examples
from app.api.errors import refusals
from app.api.oip.repository import Repository
from app.domain.errors.open_inference import InferenceRequestInvalid

router = APIRouter(prefix="/v2/repository", tags=["open inference protocol"])
_OF_MODEL: dict[str, Any] = {
    "parameters": [
        {
            "name": "model",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": "A name (its newest version), name@version or an id.",
        }
    ]
}


@router.post(
    "/index", responses=refusals(examples.INFERENCE_INVALID, examples.STOPPED, examples.SILENT)
)
async def post_index(request: Request) -> list[dict[str, Any]]:
    """List the models that can answer; `{"ready": true}` leaves out those not in memory."""
    ready_only = _wish(await request.body()).get("ready") is True
    return [asdict(entry) for entry in await _repository(request).index(ready_only)]


@router.post(
    "/models/{model}/load",
    responses=refusals(
        examples.NO_MODEL,
        examples.CANNOT_PREDICT,
        examples.MEMORY_FULL,
        examples.NOT_LOADED,
        examples.STOPPED,
        examples.SILENT,
    ),
    openapi_extra=_OF_MODEL,
)
async def post_load(request: Request) -> Response:
    """Bring a model into memory, to stay until it is unloaded."""
    await _repository(request).load(request.path_params["model"])
    return Response()


@router.post(
    "/models/{model}/unload",
    responses=refusals(examples.NO_MODEL, examples.STOPPED, examples.SILENT),
    openapi_extra=_OF_MODEL,
)
async def post_unload(request: Request) -> Response:
    """Take a model out of memory; the next request for it loads it again."""
    await _repository(request).unload(request.path_params["model"])
    return Response()


def _wish(body: bytes) -> dict[str, Any]:
    try:
        found = from_json(body) if body else {}
    except ValueError as cause:
        raise InferenceRequestInvalid(f"is no JSON: {cause}", 'Send {"ready": true}.') from cause
    return found if isinstance(found, dict) else {}


def _repository(request: Request) -> Repository:
    state = request.app.state
    return Repository(state.context, state.dataplane, state.predictor)
