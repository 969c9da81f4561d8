"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from app.api import error_examples as examples
from app.api.errors import responses
from app.api.readiness import Readiness

router = APIRouter(tags=["health"])


class HealthAnswer(BaseModel):
    """The service answers."""

    status: str = "ok"


class ReadinessCheck(BaseModel):
    """One part that requests need."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    ok: bool
    detail: str


class ReadinessAnswer(HealthAnswer):
    """The service can work."""

    checks: list[ReadinessCheck]


@router.get("/health", response_model=HealthAnswer)
async def get_health() -> HealthAnswer:
    """Tell that the process lives; waits for nothing, so it answers while others work."""
    return HealthAnswer()


@router.get("/ready", response_model=ReadinessAnswer, responses=responses(examples.NOT_READY))
async def get_ready(request: Request) -> Any:
    """Tell whether requests can be served.

    The database answers and is migrated, artifacts can be written, the predictor answers or can be
    started, and the process is not about to end. Otherwise a 503, whose `errors` has the checks.
    """
    readiness: Readiness = request.app.state.readiness
    return {"checks": await readiness.require()}
