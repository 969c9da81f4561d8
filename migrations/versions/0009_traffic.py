"""Counts of live traffic by model and day, and its recorded texts; only additions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "traffic_counts",
        _model("traffic_counts"),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "day", "kind", "value", name="pk_traffic_counts"),
    )
    op.create_index("ix_traffic_counts_day", "traffic_counts", ["day"])
    op.create_table(
        "traffic_texts",
        _model("traffic_texts"),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "day", "rank", name="pk_traffic_texts"),
    )
    op.create_index("ix_traffic_texts_day", "traffic_texts", ["day"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("traffic_texts")
    op.drop_table("traffic_counts")


def _model(table: str) -> sa.Column[str]:
    name = f"fk_{table}_model_id_models"
    key = sa.ForeignKey("models.id", ondelete="CASCADE", name=name)
    return sa.Column("model_id", sa.String(), key, nullable=False)
