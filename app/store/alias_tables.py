"""The tables of aliases: where they point, where they pointed, and what came of their requests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table

from app.store.columns import Json, Moment
from app.store.tables import metadata


def _pair() -> tuple[Column[Any], ...]:
    """An alias, and the model and the shadow that answered under it."""
    return (
        Column("name", String, nullable=False),
        Column("alias", String, nullable=False),
        Column("model_id", String, nullable=False),
        Column("shadow_model_id", String, nullable=False),
    )


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _sum(name: str) -> Column[float]:
    return Column(name, Float(53), nullable=False)


# No foreign keys: an older version, which does not know aliases, must be able to delete a model.
aliases = Table(
    "aliases",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("canary_model_id", String, index=True),
    Column("canary_percent", Float(53)),
    Column("shadow_model_id", String, index=True),
    Column("shadow_percent", Float(53)),
)

alias_moves = Table(
    "alias_moves",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("model_id", String),
    Column("at", Moment, nullable=False),
)

# What each model answered under an alias, as its model or its canary.
alias_answers = Table(
    "alias_answers",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, primary_key=True),
    _count("requests"),
    _count("inputs"),
    _count("failures"),
    _sum("confidence_sum"),
    _sum("seconds_sum"),
    Column("since", Moment, nullable=False),
)

shadow_comparisons = Table(
    "shadow_comparisons",
    metadata,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("model_id", String, primary_key=True),
    Column("shadow_model_id", String, primary_key=True),
    _count("requests"),
    _count("inputs"),
    _count("agreements"),
    _count("failures"),
    # Requests of which the shadow was not asked, since others were waiting.
    _count("passed_over"),
    _sum("difference_sum"),
    _sum("difference_max"),
    _sum("seconds_sum"),
    _sum("shadow_seconds_sum"),
    Column("since", Moment, nullable=False),
)

# The newest answers that differ, of each pair; the input only where the settings allow it.
shadow_disagreements = Table(
    "shadow_disagreements",
    metadata,
    Column("id", String, primary_key=True),
    *_pair(),
    Column("at", Moment, nullable=False),
    Column("answer", Json, nullable=False),
    Column("shadow_answer", Json, nullable=False),
    Column("input", Json),
    Index(None, "name", "alias", "at", "id"),
)
