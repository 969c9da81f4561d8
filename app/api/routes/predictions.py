"""Predictions over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api import error_examples as examples
from app.api.errors import responses
from app.api.forms import json_body
from app.api.prediction_requests import DirectRoute, cancel_on_disconnect, options_of
from app.api.routes.models import REFERENCE
from app.api.schemas.predictions import PredictionRequest, PredictionsAnswer
from app.serving.dataplane import DataPlane

router = APIRouter(prefix="/v1/models", tags=["predictions"], route_class=DirectRoute)
_MODEL = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "title": "Model"},
    "description": REFERENCE,
}
_SHORT_BODY = 64 * 1024
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictionRequest"}}},
}


@router.post(
    "/{model}/predict",
    response_model=PredictionsAnswer,
    responses=responses(
        examples.NO_MODEL,
        examples.CANNOT_PREDICT,
        examples.NOT_FINITE,
        examples.TOO_MANY_INPUTS,
        examples.TOO_MANY_WINDOWS,
        examples.WINDOW_UNUSABLE,
        examples.NO_INPUTS,
        examples.INPUT_UNUSABLE,
        examples.BAD_TIMEOUT,
        examples.BAD_REQUEST,
        examples.QUEUE_FULL,
        examples.NOT_LOADED,
        examples.STOPPED,
        examples.TOO_LATE,
        examples.SILENT,
    ),
    openapi_extra={"parameters": [_MODEL], "requestBody": _BODY},
)
async def post_prediction(request: Request) -> Response:
    """Predict labels with probabilities for one or many texts or images.

    The first request for a model loads it, which takes seconds; the next ones are fast. The header
    `X-Babelport-Key` names the caller: each key has its share of the queue, and 429 with
    `Retry-After` says when to retry. `X-Babelport-Timeout-Ms` is the deadline in
    milliseconds: afterwards nothing is computed, and the answer is 504.
    """
    options = options_of(request.scope)
    body = await _read(await request.body())
    if body.window is not None:
        options = replace(options, window=body.window.as_window())
    dataplane: DataPlane = request.app.state.dataplane
    work = dataplane.predict(request.path_params["model"], body.all_inputs(), options)
    response = await cancel_on_disconnect(request, work)
    model = response.model
    content = {
        "model": {"id": model.id, "name": model.name, "version": model.version},
        "predictions": response.predictions,
    }
    return Response(to_json(content), media_type="application/json")


async def _read(body: bytes) -> PredictionRequest:
    # Parsing megabytes of nested numbers takes long enough to be felt by other requests.
    if len(body) > _SHORT_BODY:
        return await asyncio.to_thread(json_body, body, PredictionRequest)
    return json_body(body, PredictionRequest)
