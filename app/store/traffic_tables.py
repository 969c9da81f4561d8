"""The tables of live traffic."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, String, Table, Text

from app.domain.traffic import Trait
from app.store.columns import Json, words
from app.store.tables import metadata

# A day is its ISO date in UTC, which both databases sort alike.
traffic_counts = Table(
    "traffic_counts",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("day", String(10), primary_key=True, index=True),
    Column("kind", words(Trait), primary_key=True),
    Column("value", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

traffic_texts = Table(
    "traffic_texts",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("day", String(10), primary_key=True, index=True),
    Column("rank", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("language", String, nullable=False),
    Column("labels", Json, nullable=False),
    Column("confidence", Float, nullable=False),
)
