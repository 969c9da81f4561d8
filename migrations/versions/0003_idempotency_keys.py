"""Keep answers under the Idempotency-Keys of their requests, for every kind of record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and drop the two columns that did the same for transfers alone.

    Keys in use are forgotten: their answers were not kept.
    """
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
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    with op.batch_alter_table("transfers") as table:
        table.drop_constraint("uq_transfers_idempotency_key", type_="unique")
        table.drop_column("idempotency_key")
        table.drop_column("request_digest")


def downgrade() -> None:
    """Drop the table and bring the columns back, empty."""
    with op.batch_alter_table("transfers") as table:
        table.add_column(sa.Column("idempotency_key", sa.String()))
        table.add_column(sa.Column("request_digest", sa.String()))
        table.create_unique_constraint("uq_transfers_idempotency_key", ["idempotency_key"])
    op.drop_table("idempotency_keys")
