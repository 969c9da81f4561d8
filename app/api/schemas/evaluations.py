"""Answers about evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.domain.enums import EvaluationKind


class EvaluationAnswer(BaseModel):
    """A model, or a baseline, on held-out rows."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["evl_7a90c3b5e2d14f68"])
    transfer_id: str
    kind: EvaluationKind
    dataset_id: str
    model_id: str | None = Field(description="Null for baselines that are no registered model.")
    rows: int
    labels: list[str]
    metrics: dict[str, Any] = Field(
        description="accuracy, macro_f1, log_loss and expected_calibration_error, each with "
        "value, low and high (95 % interval that takes rows of one group or of the same text for "
        "one; null with a reason where there are fewer than 6 of these); sample: how many rows and "
        "such clusters there are, with a note where they are few; per_class; confusion."
    )
    created_at: datetime
    predictions_dropped_at: datetime | None = Field(
        description="When the per-row predictions were dropped, after the time they are kept."
    )
