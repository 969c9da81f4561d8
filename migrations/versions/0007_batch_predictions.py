"""Predictions for every row of a dataset; only an addition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDICES = (
    ("dataset_id",),
    ("results_sha256",),
    ("state", "created_at", "id"),
    ("model_id", "created_at", "id"),
    ("created_at", "id"),
)


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "batch_predictions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("handed_back", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("worker", sa.String()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("failure", sa.JSON()),
        sa.Column("rows_done", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("results_sha256", sa.String()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("results_dropped_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_batch_predictions"),
    )
    for columns in _INDICES:
        name = f"ix_batch_predictions_{'_'.join(columns)}"
        op.create_index(name, "batch_predictions", list(columns))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("batch_predictions")
