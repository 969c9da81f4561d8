"""Where the children of lesser jobs run; only additions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("compilations", "batch_predictions")


def upgrade() -> None:
    """Add the column to both tables."""
    for table in _TABLES:
        op.add_column(table, sa.Column("process_group", sa.Integer()))


def downgrade() -> None:
    """Drop it."""
    for table in _TABLES:
        op.drop_column(table, "process_group")
