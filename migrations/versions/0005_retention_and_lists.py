"""Indices by which lists and turns stay fast, and what retention needs; only additions.

Indices that a new one covers go: no version asks for an index by its name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDICES = (
    ("state", "created_at", "id"),
    ("source_model_id", "created_at", "id"),
    ("finished_at",),
)
_COVERED = (
    ("state", "created_at"),
    ("source_model_id",),
    ("state", "tenant", "priority", "created_at"),
)


def upgrade() -> None:
    """Add them."""
    for columns in _INDICES:
        op.create_index(_name(columns), "transfers", list(columns))
    turn = ["state", "tenant", sa.text("priority DESC"), "created_at", "id"]
    op.create_index("ix_transfers_turn", "transfers", turn)
    for columns in _COVERED:
        op.drop_index(_name(columns), "transfers")
    dropped = sa.Column("predictions_dropped_at", sa.DateTime(timezone=True))
    op.add_column("evaluations", dropped)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("evaluations", "predictions_dropped_at")
    for columns in _COVERED:
        op.create_index(_name(columns), "transfers", list(columns))
    op.drop_index("ix_transfers_turn", "transfers")
    for columns in _INDICES:
        op.drop_index(_name(columns), "transfers")


def _name(columns: tuple[str, ...]) -> str:
    return f"ix_transfers_{'_'.join(columns)}"
