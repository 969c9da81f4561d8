"""Keep which registered model is a transfer's companion, so that it is not deleted meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("transfers", sa.Column("companion_model_id", sa.String()))
    op.create_index("ix_transfers_companion_model_id", "transfers", ["companion_model_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_transfers_companion_model_id", "transfers")
    op.drop_column("transfers", "companion_model_id")
