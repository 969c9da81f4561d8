"""The Evaluation: a model's predictions on held-out rows, scored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.enums import EvaluationKind


@dataclass(frozen=True)
class Evaluation:
    """One model (or baseline) on one set of rows.

    `model_id` is None for the baselines that are no registered model. `metrics` is the JSON of
    `app.learn.metrics.score`: accuracy, macro_f1, log_loss and expected_calibration_error, each
    `{"value", "low", "high"}` (95% interval; None with a `reason` where there are too few clusters
    of rows), `sample` (how many rows and clusters), `per_class` and `confusion`.
    `predictions_sha256` is the digest of a Parquet table of per-row predictions, until
    retention dropped it at `predictions_dropped_at`.
    """

    id: str
    transfer_id: str
    kind: EvaluationKind
    dataset_id: str
    rows: int
    labels: tuple[str, ...]
    metrics: dict[str, Any]
    created_at: datetime
    model_id: str | None = None
    predictions_sha256: str | None = None
    predictions_dropped_at: datetime | None = None
