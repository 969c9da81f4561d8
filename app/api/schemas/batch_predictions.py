"""Requests and answers about batch predictions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.predictions import WINDOW, WindowFields
from app.api.schemas.records import RecordName
from app.domain.jobs import JobState


class BatchPredictionFields(BaseModel):
    """A model, and the dataset whose rows it predicts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"model": "intents", "dataset": "dst_1c0f5a7d2b9e4c36"}},
    )

    model: str = Field(description="An id, a name (its newest version) or name@version.")
    dataset: str = Field(description="The id of a dataset; its labels need not be the model's.")
    name: RecordName | None = Field(
        None, description="Of the downloaded file; the id where left out."
    )
    window: WindowFields | None = Field(None, description=WINDOW)


class BatchPredictionAnswer(BaseModel):
    """A batch prediction."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["bpr_0b6d3f9a41c7e258"])
    name: str | None
    state: JobState
    model_id: str
    dataset_id: str
    window: WindowFields | None = Field(description="As in the request.")
    rows: int = Field(description="Of the dataset.")
    rows_done: int = Field(description="Answered and kept so far; an interruption loses none.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    failure: dict[str, Any] | None = Field(
        description="Why it failed, or why its last attempt was lost: code, message, advice, "
        "fields."
    )
    size_bytes: int | None = Field(description="Of the results as Parquet, where there are any.")
    results_dropped_at: datetime | None = Field(
        description="When the results were dropped, after the time they are kept."
    )
