"""The tables of lesser jobs: what a worker does when no transfer waits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, text

from app.domain.lesser_jobs import JobState
from app.store.columns import Json, Moment, words
from app.store.tables import metadata


def _leased() -> tuple[Column[Any], ...]:
    """The columns that `LesserLeases` needs besides a key, made anew for each table."""
    return (
        Column("state", words(JobState), nullable=False),
        Column("attempt", Integer, nullable=False, server_default=text("0")),
        # Attempts that do not count against the limit: a stopping worker handed them back.
        Column("handed_back", Integer, nullable=False, server_default=text("0")),
        Column("worker", String),
        Column("lease_expires_at", Moment),
        Column("process_group", Integer),
        Column("created_at", Moment, nullable=False),
        Column("finished_at", Moment),
        Column("failure", Json),
    )


compilations = Table(
    "compilations",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    *_leased(),
    Column("engine", String),
    Column("precision", String),
    # Of what was compiled; empty where the model's own file is served.
    Column("sha256", String, index=True),
    Column("report", Json),
    Index(None, "state", "created_at", "model_id"),
)

batch_predictions = Table(
    "batch_predictions",
    metadata,
    Column("id", String, primary_key=True),
    # No foreign keys: what was predicted keeps the ids of what was deleted since.
    Column("model_id", String, nullable=False),
    Column("dataset_id", String, nullable=False, index=True),
    Column("name", String),
    Column("rows", Integer, nullable=False),
    *_leased(),
    Column("rows_done", Integer, nullable=False, server_default=text("0")),
    Column("started_at", Moment),
    Column("results_sha256", String, index=True),
    Column("size_bytes", BigInteger),
    # When retention took the results away; the digest is then empty.
    Column("results_dropped_at", Moment),
    # How long texts are read, where not only their beginning is.
    Column("window", Json),
    Index(None, "state", "created_at", "id"),
    Index(None, "model_id", "created_at", "id"),
    Index(None, "created_at", "id"),
)
