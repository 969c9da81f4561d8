"""What the queue needs to be fair, to pause and to try again; only additions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_QUEUE = "ix_transfers_state_tenant_priority_created_at"


def upgrade() -> None:
    """Add the columns, with values that an older version would have meant, and two tables."""
    for column in (
        sa.Column("priority", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("tenant", sa.String(), nullable=False, server_default=sa.text("''")),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("batch_halvings", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("transfers", column)
    op.create_index(_QUEUE, "transfers", ["state", "tenant", "priority", "created_at"])
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", name="pk_tenants"),
    )
    op.execute("INSERT INTO tenants (name) VALUES ('')")
    op.create_table(
        "transfer_attempts",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String(32)),
        sa.Column("failure", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfers.id"],
            name="fk_transfer_attempts_transfer_id_transfers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transfer_id", "attempt", name="pk_transfer_attempts"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("transfer_attempts")
    op.drop_table("tenants")
    op.drop_index(_QUEUE, "transfers")
    for name in ("pause_requested", "batch_halvings", "not_before", "tenant", "priority"):
        op.drop_column("transfers", name)
