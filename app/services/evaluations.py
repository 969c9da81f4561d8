"""Use cases of evaluations: find one, read its rows; and the split that a transfer made."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors.requests import DroppedByRetention, EvaluationNotFound, NotRecorded
from app.domain.evaluations import Evaluation
from app.domain.transfers import Transfer
from app.formats.prediction_tables import RowOrder, read_predictions
from app.services.context import Context
from app.store import evaluations


def find_evaluation(session: Session, evaluation_id: str) -> Evaluation:
    """The evaluation by id; or `EvaluationNotFound`."""
    found = evaluations.get(session, evaluation_id)
    if found is None:
        raise EvaluationNotFound(evaluation_id)
    return found


def prediction_rows(
    context: Context, evaluation: Evaluation, order: RowOrder, offset: int, limit: int
) -> list[dict[str, Any]]:
    """Per-row predictions.

    Raises `DroppedByRetention` where they were kept long enough, and `NotRecorded` where there
    never were any.
    """
    digest = evaluation.predictions_sha256
    if evaluation.predictions_dropped_at is not None:
        raise DroppedByRetention(evaluation.id, evaluation.predictions_dropped_at)
    if digest is None:
        raise NotRecorded("table of predictions", evaluation.id, "Ask for another evaluation's.")
    return read_predictions(context.artifacts.path(digest), order, offset, limit)


def read_split(context: Context, transfer: Transfer) -> dict[str, Any]:
    """The rows of each role of a succeeded transfer; `NotRecorded` where there is none yet."""
    digest = (transfer.result or {}).get("split_sha256")
    if digest is None or not context.artifacts.exists(digest):
        raise NotRecorded("split", transfer.id, "Ask again when the transfer has succeeded.")
    split: dict[str, Any] = json.loads(context.artifacts.path(digest).read_text("utf-8"))
    return split
