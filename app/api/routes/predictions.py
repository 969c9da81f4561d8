"""Predictions over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from app.api.deps import TheDataPlane
from app.api.errors import responses
from app.api.form_fields import json_body
from app.api.schemas.predictions import PredictionRequest, PredictionsAnswer

router = APIRouter(prefix="/v1/models", tags=["predictions"])
Reference = Annotated[
    str, Path(description="An id, a name (its newest version), name@version or name@alias.")
]
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": PredictionRequest.model_json_schema()}},
}


@router.post(
    "/{model}/predict",
    response_model=PredictionsAnswer,
    responses=responses(404, 409, 413, 422, 503),
    openapi_extra={"requestBody": _BODY},
)
async def post_prediction(model: Reference, request: Request, dataplane: TheDataPlane) -> Any:
    """Predict labels with probabilities for one or many texts or images.

    The first request for a model loads it, which takes seconds; the next ones are fast.
    """
    # Parsing megabytes of nested numbers takes long enough to be felt by other requests.
    asked = await asyncio.to_thread(json_body, await request.body(), PredictionRequest)
    answered = await dataplane.predict(model, asked.all_inputs())
    return {"model": answered.model, "predictions": answered.predictions}
