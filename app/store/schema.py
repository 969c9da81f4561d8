"""The tables, and the column types by which SQLite and PostgreSQL keep the same values."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator

from app.domain.enums import DatasetStatus, EvaluationKind, ModelStatus, Role
from app.domain.evaluations import Trait
from app.domain.jobs import AttemptOutcome, JobState

# Named constraints, so that a later migration can change them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# The highest version that each name ever had: a deleted version's number is not given again.
model_names = Table(
    "model_names",
    metadata,
    Column("name", String, primary_key=True),
    Column("last_version", Integer, nullable=False),
)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored and returned in UTC; SQLite keeps it as text that sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC; raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment as an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """Dataclasses, enums and plain values as JSON; None is SQL's NULL, NaN is JSON's null."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The value as dicts, lists, strings and numbers."""
        return to_jsonable_python(value, inf_nan_mode="null")


def text_enum(kind: type[StrEnum]) -> Enum:
    """A closed vocabulary, stored as its values in a plain text column."""
    return Enum(kind, native_enum=False, length=32, values_callable=lambda k: [str(v) for v in k])


models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", text_enum(ModelStatus), nullable=False),
    Column("languages", Json, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String, index=True),
    Column("facts", Json),
    Column("rejection", Json),
    # No foreign keys: a lineage keeps the ids of what was deleted.
    Column("parent_id", String),
    Column("transfer_id", String),
    UniqueConstraint("name", "version"),
    Index(None, "created_at", "id"),
)
datasets = Table(
    "datasets",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("language", String, nullable=False),
    Column("status", text_enum(DatasetStatus), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("upload_sha256", String, nullable=False),
    Column("sha256", String, index=True),
    Column("facts", Json),
    Column("rejection", Json),
    Index(None, "created_at", "id"),
)
# The queue of all kinds of jobs. A kind keeps what is its own in a table beside it, under the
# job's id; for `created_at`, written once, it has a copy that its own lists are ordered by.
jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", text_enum(JobState), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("tenant", String, nullable=False, server_default=text("''")),
    Column("not_before", UTCDateTime),
    # The fencing token; it grows with every claim.
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    # Attempts that do not count against the limit: a stopping worker handed them back, somebody
    # paused them, or wanted the job tried again.
    Column("uncounted_attempts", Integer, nullable=False, server_default=text("0")),
    Column("memory_failures", Integer, nullable=False, server_default=text("0")),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("pause_requested", Boolean, nullable=False, server_default=false()),
    Column("worker", String),
    Column("lease_expires_at", UTCDateTime),
    Column("process_group", Integer),
    Column("started_at", UTCDateTime),
    Column("finished_at", UTCDateTime),
    Column("progress", Json),
    Column("failure", Json),
    Column("last_event", Integer, nullable=False, server_default=text("0")),
    Index(None, "kind", "state", "created_at", "id"),
    Index(None, "state", "lease_expires_at"),
    Index(None, "finished_at"),
)
# The order of turns within a tenant, so that its first is found without sorting the queue.
Index(
    "ix_jobs_turn",
    jobs.c.state,
    jobs.c.tenant,
    jobs.c.kind,
    jobs.c.priority.desc(),
    jobs.c.created_at,
    jobs.c.id,
)
job_attempts = Table(
    "job_attempts",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker", String, nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    Column("outcome", text_enum(AttemptOutcome)),
    Column("failure", Json),
)
job_events = Table(
    "job_events",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("data", Json, nullable=False),
    Column("at", UTCDateTime, nullable=False),
)
# Everybody for whom a job was ever queued, and when one of theirs started last. The migration
# adds '', which stands for nobody in particular and is never forgotten.
tenants = Table(
    "tenants",
    metadata,
    Column("name", String, primary_key=True),
    Column("served_at", UTCDateTime),
)
transfers = Table(
    "transfers",
    metadata,
    Column("id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", UTCDateTime, nullable=False),
    Column("spec", Json, nullable=False),
    Column("source_model_id", String, nullable=False),
    Column("auxiliary_model_id", String, index=True),
    Column("model_id", String, index=True),
    Column("result", Json),
    Index(None, "source_model_id", "created_at", "id"),
    Index(None, "created_at", "id"),
)
transfer_datasets = Table(
    "transfer_datasets",
    metadata,
    Column("transfer_id", ForeignKey("transfers.id", ondelete="CASCADE"), primary_key=True),
    Column("role", text_enum(Role), primary_key=True),
    Column("dataset_id", String, nullable=False, index=True),
)
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", String, primary_key=True),
    Column(
        "transfer_id",
        ForeignKey("transfers.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("kind", text_enum(EvaluationKind), nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("labels", Json, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("model_id", String, index=True),
    Column("predictions_sha256", String, index=True),
    # When retention took the predictions away; the digest is then empty.
    Column("predictions_dropped_at", UTCDateTime),
    Index(None, "created_at", "id"),
)
# Answers to creating requests; the primary key is what keeps two equal requests from both creating.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String, primary_key=True),
    Column("method", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("request_digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", String, nullable=False),
    Column("created_at", UTCDateTime, nullable=False, index=True),
)


# How each model is served; its job has the model's id.
compilations = Table(
    "compilations",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("engine", String),
    Column("precision", String),
    # Of what was compiled; empty where the model's own file is served.
    Column("sha256", String, index=True),
    Column("report", Json),
    ForeignKeyConstraint(["model_id"], ["jobs.id"], ondelete="CASCADE"),
)
batch_predictions = Table(
    "batch_predictions",
    metadata,
    Column("id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", UTCDateTime, nullable=False),
    # No foreign keys: what was predicted keeps the ids of what was deleted since.
    Column("model_id", String, nullable=False),
    Column("dataset_id", String, nullable=False, index=True),
    Column("name", String),
    Column("rows", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False, server_default=text("0")),
    # When the first attempt began to work, which is after its claim.
    Column("started_at", UTCDateTime),
    Column("results_sha256", String, index=True),
    Column("size_bytes", BigInteger),
    # When retention took the results away; the digest is then empty.
    Column("results_dropped_at", UTCDateTime),
    # How long texts are read, where not only their beginning is.
    Column("window", Json),
    Index(None, "model_id", "created_at", "id"),
    Index(None, "created_at", "id"),
)


def _model_and_shadow() -> tuple[Column[Any], ...]:
    """An alias, and the model and the shadow that answered under it."""
    return (
        Column("name", String, nullable=False),
        Column("alias", String, nullable=False),
        Column("model_id", String, nullable=False),
        Column("shadow_model_id", String, nullable=False),
    )


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _sum(name: str) -> Column[float]:
    return Column(name, Float(53), nullable=False)


# No foreign keys: an older version, which does not know aliases, must be able to delete a model.
aliases = Table(
    "aliases",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, nullable=False, index=True),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("canary_model_id", String, index=True),
    Column("canary_percent", Float(53)),
    Column("shadow_model_id", String, index=True),
    Column("shadow_percent", Float(53)),
)
alias_moves = Table(
    "alias_moves",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("model_id", String),
    Column("at", UTCDateTime, nullable=False),
)
# What each model answered under an alias, as its model or its canary.
alias_answers = Table(
    "alias_answers",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, primary_key=True),
    _count("requests"),
    _count("inputs"),
    _count("failures"),
    _sum("confidence_sum"),
    _sum("seconds_sum"),
    Column("since", UTCDateTime, nullable=False),
)
shadow_comparisons = Table(
    "shadow_comparisons",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, primary_key=True),
    Column("shadow_model_id", String, primary_key=True),
    _count("requests"),
    _count("inputs"),
    _count("agreements"),
    _count("failures"),
    # Requests of which the shadow was not asked, since others were waiting.
    _count("passed_over"),
    _sum("difference_sum"),
    _sum("difference_max"),
    _sum("seconds_sum"),
    _sum("shadow_seconds_sum"),
    Column("since", UTCDateTime, nullable=False),
)
# The newest answers that differ, of each pair; the input only where the settings allow it.
shadow_disagreements = Table(
    "shadow_disagreements",
    metadata,
    Column("id", String, primary_key=True),
    *_model_and_shadow(),
    Column("at", UTCDateTime, nullable=False),
    Column("answer", Json, nullable=False),
    Column("shadow_answer", Json, nullable=False),
    Column("input", Json),
    Index(None, "name", "alias", "at", "id"),
)
# A day is its ISO date in UTC, which both databases sort alike.
traffic_counts = Table(
    "traffic_counts",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("day", String(10), primary_key=True, index=True),
    Column("kind", text_enum(Trait), primary_key=True),
    Column("value", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
traffic_texts = Table(
    "traffic_texts",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("day", String(10), primary_key=True, index=True),
    Column("rank", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("language", String, nullable=False),
    Column("labels", Json, nullable=False),
    Column("confidence", Float, nullable=False),
)
