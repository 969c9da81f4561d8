"""What routes are given: the context, a session, the predictor; here sessions are committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _writing(context: Annotated[Context, Depends(_context)]) -> Iterator[Session]:
    with context.sessions.begin() as session:
        yield session


def _reading(context: Annotated[Context, Depends(_context)]) -> Iterator[Session]:
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


TheContext = Annotated[Context, Depends(_context)]
TheDataPlane = Annotated[DataPlane, Depends(_dataplane)]
ThePredictor = Annotated[Predictor, Depends(_predictor)]
# With scope "function" the commit comes before the answer, which can then tell of its failure.
Writing = Annotated[Session, Depends(_writing, scope="function")]
Reading = Annotated[Session, Depends(_reading, scope="function")]
Limit = Annotated[int, Query(ge=1, le=200, description="Items of one page.")]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; none for the first page.")
]
Offset = Annotated[int, Query(ge=0, le=10**9, description="Rows to pass over.")]
