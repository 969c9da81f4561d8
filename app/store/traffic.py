"""Queries on live traffic: counts that several processes add to, and recorded texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.traffic import Counts, RecordedText, Trait
from app.store.records import from_row, to_row
from app.store.tables import models
from app.store.traffic_tables import traffic_counts, traffic_texts
from app.store.upsert import insert_or_update

# The model and the day that counts are of.
Place = tuple[str, str]
_AT_ONCE = 200


def add(session: Session, counted: Mapping[Place, Counts]) -> None:
    """Add to the counts; those of models that are gone are dropped."""
    known = _known(session, {model for model, _ in counted})
    # In one order everywhere, so that two processes never wait for each other.
    rows = sorted(
        (model, day, kind, value, count)
        for (model, day), counts in counted.items()
        if model in known
        for kind, values in counts.items()
        for value, count in values.items()
    )
    names = ("model_id", "day", "kind", "value", "count")
    for start in range(0, len(rows), _AT_ONCE):
        few = [dict(zip(names, row, strict=True)) for row in rows[start : start + _AT_ONCE]]
        statement = insert_or_update(session, traffic_counts).values(few)
        added = traffic_counts.c.count + statement.excluded.count
        keys = list(traffic_counts.primary_key.columns)
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"count": added}))


def since(session: Session, model_id: str, day: str) -> Counts:
    """What was counted of a model on `day` and later."""
    table = traffic_counts.c
    query = select(table.kind, table.value, table.count)
    query = query.where(table.model_id == model_id, table.day >= day)
    found: Counts = {}
    for kind, value, count in session.execute(query):
        found.setdefault(Trait(kind), Counter())[value] += count
    return found


def keep_texts(session: Session, texts: Iterable[RecordedText], most: int) -> None:
    """Add texts, and keep the `most` of the lowest ranks of each model and day."""
    given = list(texts)
    known = _known(session, {text.model_id for text in given})
    for text in given:
        if text.model_id in known:
            statement = insert_or_update(session, traffic_texts).values(**to_row(text))
            session.execute(statement.on_conflict_do_nothing())
    table = traffic_texts.c
    for model, day in {(text.model_id, text.day) for text in given}:
        mine = (table.model_id == model, table.day == day)
        kept = select(table.rank).where(*mine).order_by(table.rank).limit(most)
        ranks = list(session.scalars(kept))
        session.execute(delete(traffic_texts).where(*mine, table.rank.not_in(ranks)))


def least_sure_texts(session: Session, model_id: str, day: str, limit: int) -> list[RecordedText]:
    """Recorded texts of `day` and later, those first of which the model was least sure."""
    table = traffic_texts.c
    query = select(traffic_texts).where(table.model_id == model_id, table.day >= day)
    query = query.order_by(table.confidence, table.day, table.rank).limit(limit)
    return [from_row(RecordedText, row) for row in session.execute(query)]


def _known(session: Session, ids: set[str]) -> set[str]:
    return set(session.scalars(select(models.c.id).where(models.c.id.in_(ids))))
