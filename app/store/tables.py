"""The tables; queries on them stand beside this file, one per noun."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from app.domain.enums import DatasetStatus, EvaluationKind, ModelStatus, Role
from app.domain.transfer_states import AttemptOutcome, TransferState
from app.store.columns import Json, Moment, words

# Named constraints, so that a later migration can change them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", words(ModelStatus), nullable=False),
    Column("languages", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
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

# The highest version that each name ever had: a deleted version's number is not given again.
model_names = Table(
    "model_names",
    metadata,
    Column("name", String, primary_key=True),
    Column("last_version", Integer, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("language", String, nullable=False),
    Column("status", words(DatasetStatus), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("upload_sha256", String, nullable=False),
    Column("sha256", String, index=True),
    Column("facts", Json),
    Column("rejection", Json),
    Index(None, "created_at", "id"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", String, primary_key=True),
    Column("spec", Json, nullable=False),
    Column("source_model_id", String, nullable=False),
    Column("companion_model_id", String, index=True),
    Column("state", words(TransferState), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempt", Integer, nullable=False),
    # Attempts that do not count against the limit: a stopping worker handed them back, somebody
    # paused them, or wanted the transfer tried again.
    Column("handed_back", Integer, nullable=False, default=0),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("tenant", String, nullable=False, server_default=text("''")),
    Column("not_before", Moment),
    Column("batch_halvings", Integer, nullable=False, server_default=text("0")),
    Column("cancel_requested", Boolean, nullable=False),
    Column("pause_requested", Boolean, nullable=False, server_default=false()),
    Column("worker", String),
    Column("lease_expires_at", Moment),
    Column("process_group", Integer),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("progress", Json),
    Column("model_id", String, index=True),
    Column("result", Json),
    Column("failure", Json),
    Column("last_event", Integer, nullable=False, default=0),
    Index(None, "state", "created_at", "id"),
    Index(None, "source_model_id", "created_at", "id"),
    Index(None, "finished_at"),
    Index(None, "created_at", "id"),
)

# The order of turns within a tenant, so that its first is found without sorting the queue.
Index(
    "ix_transfers_turn",
    transfers.c.state,
    transfers.c.tenant,
    transfers.c.priority.desc(),
    transfers.c.created_at,
    transfers.c.id,
)

# Everybody for whom a transfer was ever queued, and when one of theirs started last.
tenants = Table(
    "tenants",
    metadata,
    Column("name", String, primary_key=True),
    Column("served_at", Moment),
)

transfer_attempts = Table(
    "transfer_attempts",
    metadata,
    Column("transfer_id", ForeignKey("transfers.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", words(AttemptOutcome)),
    Column("failure", Json),
)

transfer_datasets = Table(
    "transfer_datasets",
    metadata,
    Column("transfer_id", ForeignKey("transfers.id", ondelete="CASCADE"), primary_key=True),
    Column("role", words(Role), primary_key=True),
    Column("dataset_id", String, nullable=False, index=True),
)

transfer_events = Table(
    "transfer_events",
    metadata,
    Column("transfer_id", ForeignKey("transfers.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Moment, nullable=False),
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
    Column("kind", words(EvaluationKind), nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("labels", Json, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("model_id", String, index=True),
    Column("predictions_sha256", String, index=True),
    # When retention took the predictions away; the digest is then empty.
    Column("predictions_dropped_at", Moment),
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
    Column("created_at", Moment, nullable=False, index=True),
)
