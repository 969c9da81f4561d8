"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.api.deps import TheContext
from app.api.errors import responses
from app.domain.errors.readiness import DatabaseUnreachable

router = APIRouter(tags=["health"])


class HealthAnswer(BaseModel):
    """The service answers."""

    status: str = "ok"


@router.get("/health", response_model=HealthAnswer)
async def get_health() -> HealthAnswer:
    """Tell that the process lives; waits for nothing, so it answers while others work."""
    return HealthAnswer()


@router.get("/ready", response_model=HealthAnswer, responses=responses(503))
def get_ready(context: TheContext) -> HealthAnswer:
    """Tell whether requests can be served: the database answers."""
    try:
        with context.readers() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise DatabaseUnreachable(type(error).__name__) from error
    return HealthAnswer()
