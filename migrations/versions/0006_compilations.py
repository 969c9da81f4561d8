"""What models were compiled into for serving; only an addition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "compilations",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("handed_back", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("worker", sa.String()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("failure", sa.JSON()),
        sa.Column("engine", sa.String()),
        sa.Column("precision", sa.String()),
        sa.Column("sha256", sa.String()),
        sa.Column("report", sa.JSON()),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name="fk_compilations_model_id_models",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("model_id", name="pk_compilations"),
    )
    op.create_index("ix_compilations_sha256", "compilations", ["sha256"])
    turn = ["state", "created_at", "model_id"]
    op.create_index("ix_compilations_state_created_at_model_id", "compilations", turn)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("compilations")
