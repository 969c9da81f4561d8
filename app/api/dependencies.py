"""What routes depend on: the context, a session, the predictor; here sessions are committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _write_session(context: Annotated[Context, Depends(_context)]) -> Iterator[Session]:
    with context.sessions.begin() as session:
        yield session


def _read_session(context: Annotated[Context, Depends(_context)]) -> Iterator[Session]:
    with context.readers() as session:
        yield session


async def _predictor(request: Request) -> Predictor:
    """The process that answers predictions."""
    found: Predictor = request.app.state.predictor
    return found


async def _dataplane(request: Request) -> DataPlane:
    """Where every way in asks for answers."""
    found: DataPlane = request.app.state.dataplane
    return found


ContextDep = Annotated[Context, Depends(_context)]
DataPlaneDep = Annotated[DataPlane, Depends(_dataplane)]
PredictorDep = Annotated[Predictor, Depends(_predictor)]
# With scope "function" the commit comes before the answer, which can then tell of its failure.
WriteSession = Annotated[Session, Depends(_write_session, scope="function")]
ReadSession = Annotated[Session, Depends(_read_session, scope="function")]
