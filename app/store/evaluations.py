"""Queries on evaluations, and on live traffic: added counts and recorded texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.evaluations import Evaluation, RecordedText, Trait, TraitCounts
from app.store.database import from_row, insert_or_update, to_row
from app.store.pagination import Page, read_page
from app.store.schema import evaluations, models, traffic_counts, traffic_texts

# The model and the day that counts are of.
ModelDay = tuple[str, str]
_AT_ONCE = 200


def insert(session: Session, evaluation: Evaluation) -> None:
    """Add an evaluation; its transfer exists."""
    session.execute(insert_into(evaluations).values(**to_row(evaluation)))


def get(session: Session, id: str) -> Evaluation | None:
    """The evaluation with this id."""
    row = session.execute(select(evaluations).where(evaluations.c.id == id)).one_or_none()
    return None if row is None else from_row(Evaluation, row)


def of_transfer(session: Session, transfer_id: str) -> list[Evaluation]:
    """All evaluations of one transfer, in the order in which they were made."""
    query = select(evaluations).where(evaluations.c.transfer_id == transfer_id)
    query = query.order_by(evaluations.c.created_at, evaluations.c.id)
    return [from_row(Evaluation, row) for row in session.execute(query)]


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    transfer_id: str | None = None,
    model_id: str | None = None,
) -> Page[Evaluation]:
    """Evaluations, newest first, of one transfer and one model where they are given."""
    query = select(evaluations)
    if transfer_id is not None:
        query = query.where(evaluations.c.transfer_id == transfer_id)
    if model_id is not None:
        query = query.where(evaluations.c.model_id == model_id)
    return read_page(session, Evaluation, query, evaluations, limit, cursor)


def add_traffic(session: Session, counted: Mapping[ModelDay, TraitCounts]) -> None:
    """Add to the counts; those of models that are gone are dropped."""
    known = _existing_models(session, {model for model, _ in counted})
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


def traffic_since(session: Session, model_id: str, day: str) -> TraitCounts:
    """What was counted of a model on `day` and later."""
    table = traffic_counts.c
    query = select(table.kind, table.value, table.count)
    query = query.where(table.model_id == model_id, table.day >= day)
    found: TraitCounts = {}
    for kind, value, count in session.execute(query):
        found.setdefault(Trait(kind), Counter())[value] += count
    return found


def keep_texts(session: Session, texts: Iterable[RecordedText], most: int) -> None:
    """Add texts, and keep the `most` of the lowest ranks of each model and day."""
    rows = list(texts)
    known = _existing_models(session, {text.model_id for text in rows})
    for text in rows:
        if text.model_id in known:
            statement = insert_or_update(session, traffic_texts).values(**to_row(text))
            session.execute(statement.on_conflict_do_nothing())
    table = traffic_texts.c
    for model, day in {(text.model_id, text.day) for text in rows}:
        of_day = (table.model_id == model, table.day == day)
        kept = select(table.rank).where(*of_day).order_by(table.rank).limit(most)
        ranks = list(session.scalars(kept))
        session.execute(delete(traffic_texts).where(*of_day, table.rank.not_in(ranks)))


def least_sure_texts(session: Session, model_id: str, day: str, limit: int) -> list[RecordedText]:
    """Recorded texts of `day` and later, those first of which the model was least sure."""
    table = traffic_texts.c
    query = select(traffic_texts).where(table.model_id == model_id, table.day >= day)
    query = query.order_by(table.confidence, table.day, table.rank).limit(limit)
    return [from_row(RecordedText, row) for row in session.execute(query)]


def _existing_models(session: Session, ids: set[str]) -> set[str]:
    return set(session.scalars(select(models.c.id).where(models.c.id.in_(ids))))
