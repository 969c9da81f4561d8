"""Evaluations over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, ReadSession
from app.api.errors import responses
from app.api.schemas.datasets import RowsAnswer
from app.api.schemas.evaluations import EvaluationAnswer
from app.api.schemas.records import PageAnswer, PageCursor, PageLimit, RowOffset
from app.formats.prediction_tables import RowOrder
from app.services.evaluations import find_evaluation, prediction_rows
from app.services.models import find_model
from app.services.transfers.request import find_transfer
from app.store import evaluations

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


@router.get(
    "",
    response_model=PageAnswer[EvaluationAnswer],
    responses=responses(
        examples.NO_TRANSFER, examples.NO_MODEL, examples.BAD_CURSOR, examples.BAD_REQUEST
    ),
)
def list_evaluations(
    session: ReadSession,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
    transfer: str | None = None,
    model: str | None = None,
) -> Any:
    """List evaluations, newest first, of one transfer and one model where they are given."""
    transfer_id = find_transfer(session, transfer).id if transfer is not None else None
    model_id = find_model(session, model).id if model is not None else None
    return evaluations.page(session, limit, cursor, transfer_id=transfer_id, model_id=model_id)


@router.get(
    "/{evaluation}", response_model=EvaluationAnswer, responses=responses(examples.NO_EVALUATION)
)
def get_evaluation(evaluation: str, session: ReadSession) -> Any:
    """Read one evaluation."""
    return find_evaluation(session, evaluation)


@router.get(
    "/{evaluation}/rows",
    response_model=RowsAnswer,
    responses=responses(
        examples.NO_EVALUATION, examples.NO_PREDICTIONS, examples.BAD_REQUEST, examples.BYTES_LOST
    ),
)
def get_rows(
    evaluation: str,
    context: ContextDep,
    order: RowOrder = "worst",
    offset: RowOffset = 0,
    limit: PageLimit = 50,
) -> Any:
    """Read per-row predictions; `worst` begins with the lowest probability of the true label.

    A row has `label` (what is true) with `probability_of_label`, and `predicted` with
    `confidence`, the probability of what was predicted.
    """
    with context.readers() as session:
        found = find_evaluation(session, evaluation)
    items = prediction_rows(context, found, order, offset, limit)
    return RowsAnswer(items=items, offset=offset, total=found.rows)
