"""The BatchPrediction: a job that asks a model about every row of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.lesser_jobs import JobState
from app.domain.predictions import Window


@dataclass(frozen=True)
class BatchPrediction:
    """A batch prediction as stored.

    `rows` are those of the dataset, `rows_done` those answered and kept so far. `attempt` is the
    fencing token; `failure` is an error's `as_dict()`, of a job that waits again the one by which
    its last attempt was lost. `results_sha256` and `size_bytes` are of the Parquet file of a job
    that succeeded; `results_dropped_at` says when retention took that away. With `window` long
    texts are read in windows.
    """

    id: str
    model_id: str
    dataset_id: str
    rows: int
    created_at: datetime
    name: str | None = None
    state: JobState = JobState.QUEUED
    rows_done: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_expires_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: dict[str, Any] | None = None
    results_sha256: str | None = None
    size_bytes: int | None = None
    results_dropped_at: datetime | None = None
    window: Window | None = None
