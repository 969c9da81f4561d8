"""How a batch prediction reads long texts; only an addition."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("batch_predictions", sa.Column("window", sa.JSON()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("batch_predictions", "window")
