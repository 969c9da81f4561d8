"""All tables of the first release; numbers below are of development versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their indices, parents before children."""
    _make_jobs()
    _make_models()
    _make_datasets()
    _make_transfers()
    _make_batch_predictions()
    _make_aliases()
    _make_traffic()
    _make_idempotency_keys()


def downgrade() -> None:
    """Drop the tables, and their indices with them, children before parents."""
    for table in (
        "idempotency_keys",
        "traffic_texts",
        "traffic_counts",
        "shadow_disagreements",
        "shadow_comparisons",
        "alias_answers",
        "alias_moves",
        "aliases",
        "batch_predictions",
        "evaluations",
        "transfer_datasets",
        "transfers",
        "datasets",
        "compilations",
        "model_names",
        "models",
        "tenants",
        "job_events",
        "job_attempts",
        "jobs",
    ):
        op.drop_table(table)


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("tenant", sa.String(), nullable=False, server_default=sa.text("''")),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("uncounted_attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("memory_failures", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("worker", sa.String()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("process_group", sa.Integer()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("progress", sa.JSON()),
        sa.Column("failure", sa.JSON()),
        sa.Column("last_event", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    _index("jobs", "finished_at")
    _index("jobs", "kind", "state", "created_at", "id")
    _index("jobs", "state", "lease_expires_at")
    turn = ["state", "tenant", "kind", sa.text("priority DESC"), "created_at", "id"]
    op.create_index("ix_jobs_turn", "jobs", turn)
    op.create_table(
        "job_attempts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String(32)),
        sa.Column("failure", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_attempts_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "attempt", name="pk_job_attempts"),
    )
    op.create_table(
        "job_events",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_events_job_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "sequence", name="pk_job_events"),
    )
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_tenants"),
    )
    op.execute("INSERT INTO tenants (name) VALUES ('')")


def _make_models() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.Column("facts", sa.JSON()),
        sa.Column("rejection", sa.JSON()),
        sa.Column("parent_id", sa.String()),
        sa.Column("transfer_id", sa.String()),
        sa.UniqueConstraint("name", "version", name="uq_models_name_version"),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
    )
    _index("models", "created_at", "id")
    _index("models", "sha256")
    op.create_table(
        "model_names",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_model_names"),
    )
    op.create_table(
        "compilations",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("engine", sa.String()),
        sa.Column("precision", sa.String()),
        sa.Column("sha256", sa.String()),
        sa.Column("report", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["model_id"], ["jobs.id"], name="fk_compilations_model_id_jobs", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name="fk_compilations_model_id_models", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", name="pk_compilations"),
    )
    _index("compilations", "sha256")


def _make_datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("upload_sha256", sa.String(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.Column("facts", sa.JSON()),
        sa.Column("rejection", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
    )
    _index("datasets", "created_at", "id")
    _index("datasets", "sha256")


def _make_transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("source_model_id", sa.String(), nullable=False),
        sa.Column("auxiliary_model_id", sa.String()),
        sa.Column("model_id", sa.String()),
        sa.Column("result", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["id"], ["jobs.id"], name="fk_transfers_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
    )
    _index("transfers", "auxiliary_model_id")
    _index("transfers", "created_at", "id")
    _index("transfers", "model_id")
    _index("transfers", "source_model_id", "created_at", "id")
    op.create_table(
        "transfer_datasets",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfers.id"],
            name="fk_transfer_datasets_transfer_id_transfers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transfer_id", "role", name="pk_transfer_datasets"),
    )
    _index("transfer_datasets", "dataset_id")
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String()),
        sa.Column("predictions_sha256", sa.String()),
        sa.Column("predictions_dropped_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfers.id"],
            name="fk_evaluations_transfer_id_transfers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
    )
    _index("evaluations", "created_at", "id")
    _index("evaluations", "model_id")
    _index("evaluations", "predictions_sha256")
    _index("evaluations", "transfer_id")


def _make_batch_predictions() -> None:
    op.create_table(
        "batch_predictions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("results_sha256", sa.String()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("results_dropped_at", sa.DateTime(timezone=True)),
        sa.Column("window", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["id"], ["jobs.id"], name="fk_batch_predictions_id_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_batch_predictions"),
    )
    _index("batch_predictions", "created_at", "id")
    _index("batch_predictions", "dataset_id")
    _index("batch_predictions", "model_id", "created_at", "id")
    _index("batch_predictions", "results_sha256")


def _make_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("canary_model_id", sa.String()),
        sa.Column("canary_percent", sa.Float(53)),
        sa.Column("shadow_model_id", sa.String()),
        sa.Column("shadow_percent", sa.Float(53)),
        sa.PrimaryKeyConstraint("name", "alias", name="pk_aliases"),
    )
    _index("aliases", "canary_model_id")
    _index("aliases", "model_id")
    _index("aliases", "shadow_model_id")
    op.create_table(
        "alias_moves",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.String()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "alias", "sequence", name="pk_alias_moves"),
    )
    op.create_table(
        "alias_answers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("confidence_sum", sa.Float(53), nullable=False),
        sa.Column("seconds_sum", sa.Float(53), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "alias", "model_id", name="pk_alias_answers"),
    )
    op.create_table(
        "shadow_comparisons",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("shadow_model_id", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.BigInteger(), nullable=False),
        sa.Column("agreements", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("passed_over", sa.BigInteger(), nullable=False),
        sa.Column("difference_sum", sa.Float(53), nullable=False),
        sa.Column("difference_max", sa.Float(53), nullable=False),
        sa.Column("seconds_sum", sa.Float(53), nullable=False),
        sa.Column("shadow_seconds_sum", sa.Float(53), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "name", "alias", "model_id", "shadow_model_id", name="pk_shadow_comparisons"
        ),
    )
    op.create_table(
        "shadow_disagreements",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("shadow_model_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("shadow_answer", sa.JSON(), nullable=False),
        sa.Column("input", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_shadow_disagreements"),
    )
    _index("shadow_disagreements", "name", "alias", "at", "id")


def _make_traffic() -> None:
    op.create_table(
        "traffic_counts",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name="fk_traffic_counts_model_id_models",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", "day", "kind", "value", name="pk_traffic_counts"),
    )
    _index("traffic_counts", "day")
    op.create_table(
        "traffic_texts",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("rank", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name="fk_traffic_texts_model_id_models", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "day", "rank", name="pk_traffic_texts"),
    )
    _index("traffic_texts", "day")


def _make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", "method", "path", name="pk_idempotency_keys"),
    )
    _index("idempotency_keys", "created_at")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
