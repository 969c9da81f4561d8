"""Drift over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api import error_examples as examples
from app.api.deps import TheContext
from app.api.errors import responses
from app.api.routes.models import Reference
from app.api.schemas.drift import DriftAnswer
from app.services.drift import find_drift

router = APIRouter(prefix="/v1/models", tags=["models"])
Days = Annotated[int, Query(ge=0, le=3650, description="Days before today; 0 is today alone.")]


@router.get(
    "/{model}/drift",
    response_model=DriftAnswer,
    responses=responses(examples.NO_MODEL, examples.BAD_REQUEST, examples.BYTES_LOST),
)
def get_drift(model: Reference, context: TheContext, days: Days = 7) -> Any:
    """Compare live traffic with the rows that the model was evaluated on.

    Languages, confidence, labels and lengths of a sample of the answered inputs: a difference
    says that the evaluation's scores may not hold any more, and that it is time to look.
    """
    return find_drift(context, model, days)
