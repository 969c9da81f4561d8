"""Lay out models, datasets, transfers, their events and evaluations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    _make_models()
    _make_datasets()
    _make_transfers()
    _make_what_belongs_to_transfers()
    _make_evaluations()


def downgrade() -> None:
    """Drop the tables, and their indexes with them, children before parents."""
    for table in (
        "evaluations",
        "transfer_events",
        "transfer_datasets",
        "transfers",
        "datasets",
        "model_names",
        "models",
    ):
        op.drop_table(table)


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
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("name", "version", name="uq_models_name_version"),
    )
    _index("models", "created_at", "id")
    _index("models", "sha256")
    op.create_table(
        "model_names",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_model_names"),
    )


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
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("source_model_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("handed_back", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("worker", sa.String()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("process_group", sa.Integer()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("progress", sa.JSON()),
        sa.Column("model_id", sa.String()),
        sa.Column("result", sa.JSON()),
        sa.Column("failure", sa.JSON()),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String()),
        sa.Column("request_digest", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
        sa.UniqueConstraint("idempotency_key", name="uq_transfers_idempotency_key"),
    )
    _index("transfers", "state", "created_at")
    _index("transfers", "created_at", "id")
    _index("transfers", "source_model_id")
    _index("transfers", "model_id")


def _make_what_belongs_to_transfers() -> None:
    op.create_table(
        "transfer_datasets",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "role", name="pk_transfer_datasets"),
        _of_transfer("transfer_datasets"),
    )
    _index("transfer_datasets", "dataset_id")
    op.create_table(
        "transfer_events",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "sequence", name="pk_transfer_events"),
        _of_transfer("transfer_events"),
    )


def _make_evaluations() -> None:
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
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        _of_transfer("evaluations"),
    )
    _index("evaluations", "created_at", "id")
    _index("evaluations", "transfer_id")
    _index("evaluations", "model_id")
    _index("evaluations", "predictions_sha256")


def _of_transfer(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_transfer_id_transfers"
    return sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
