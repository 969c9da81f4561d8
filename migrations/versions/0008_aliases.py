"""Aliases of models, and what came of the requests that they received; only additions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "aliases",
    "alias_moves",
    "alias_answers",
    "shadow_comparisons",
    "shadow_disagreements",
)
_INDICES = (
    ("aliases", ("model_id",)),
    ("aliases", ("canary_model_id",)),
    ("aliases", ("shadow_model_id",)),
    ("shadow_disagreements", ("name", "alias", "at", "id")),
)


def upgrade() -> None:
    """Add the tables."""
    _add(
        "aliases",
        2,
        _words("name", "alias", "model_id"),
        [_moment("updated_at"), sa.Column("revision", sa.Integer(), nullable=False)],
        [sa.Column("canary_model_id", sa.String()), sa.Column("canary_percent", sa.Float(53))],
        [sa.Column("shadow_model_id", sa.String()), sa.Column("shadow_percent", sa.Float(53))],
    )
    _add(
        "alias_moves",
        3,
        _words("name", "alias"),
        [sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False)],
        [sa.Column("model_id", sa.String()), _moment("at")],
    )
    _add(
        "alias_answers",
        3,
        _words("name", "alias", "model_id"),
        _counts("requests", "inputs", "failures"),
        _sums("confidence_sum", "seconds_sum"),
        [_moment("since")],
    )
    _add(
        "shadow_comparisons",
        4,
        _words("name", "alias", "model_id", "shadow_model_id"),
        _counts("requests", "inputs", "agreements", "failures", "passed_over"),
        _sums("difference_sum", "difference_max", "seconds_sum", "shadow_seconds_sum"),
        [_moment("since")],
    )
    _add(
        "shadow_disagreements",
        1,
        _words("id", "name", "alias", "model_id", "shadow_model_id"),
        [_moment("at"), sa.Column("answer", sa.JSON(), nullable=False)],
        [sa.Column("shadow_answer", sa.JSON(), nullable=False), sa.Column("input", sa.JSON())],
    )
    for table, columns in _INDICES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def downgrade() -> None:
    """Drop them."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _add(table: str, keys: int, *parts: list[sa.Column]) -> None:
    """Add a table whose first `keys` columns are its primary key."""
    columns = [column for part in parts for column in part]
    key = sa.PrimaryKeyConstraint(*(c.name for c in columns[:keys]), name=f"pk_{table}")
    op.create_table(table, *columns, key)


def _words(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _sums(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Float(53), nullable=False) for name in names]


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
