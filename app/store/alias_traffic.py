"""Counts under aliases: added to what is there, whichever process counted; and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, select
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.alias_traffic import (
    AnswerCounts,
    ComparisonCounts,
    Disagreement,
    ModelTally,
    ShadowTally,
)
from app.domain.identity import now
from app.store.alias_tables import (
    alias_answers,
    aliases,
    shadow_comparisons,
    shadow_disagreements,
)
from app.store.records import from_row, to_row
from app.store.upsert import insert_or_update

# Name, alias, model; and the shadow of a comparison.
AnswerKey = tuple[str, str, str]
PairKey = tuple[str, str, str, str]
MOST_DISAGREEMENTS = 200


def add(
    session: Session,
    answers: Mapping[AnswerKey, AnswerCounts],
    comparisons: Mapping[PairKey, ComparisonCounts],
    disagreements: Iterable[Disagreement],
) -> None:
    """Add what was counted; what belongs to an alias that is gone is dropped."""
    new = list(disagreements)
    named = {(key[0], key[1]) for key in [*answers, *comparisons, *map(_pair, new)]}
    there = _keep(session, named)
    for table, counted in ((alias_answers, answers), (shadow_comparisons, comparisons)):
        # In one order, so that two processes wait for each other rather than lock each other out.
        for key, counts in sorted(counted.items()):
            if (key[0], key[1]) in there:
                _add(session, table, key, to_row(counts))
    kept = [one for one in new if (one.name, one.alias) in there]
    if kept:
        session.execute(insert_into(shadow_disagreements), [to_row(one) for one in kept])
    for key in sorted({_pair(one) for one in kept}):
        _drop_oldest(session, key)


def of_models(session: Session, name: str, alias: str) -> list[ModelTally]:
    """What each model answered under an alias, the first that did so at the beginning."""
    query = _of(alias_answers, name, alias).order_by(alias_answers.c.since)
    return [
        ModelTally(row.model_id, row.since, _counts(AnswerCounts, row))
        for row in session.execute(query)
    ]


def of_shadows(session: Session, name: str, alias: str, samples: int) -> list[ShadowTally]:
    """How each pair compared, with its `samples` newest disagreements, the newest first."""
    query = _of(shadow_comparisons, name, alias).order_by(shadow_comparisons.c.since)
    return [_shadow_tally(session, row, samples) for row in session.execute(query).all()]


def _keep(session: Session, named: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the aliases that are there; none is removed until the transaction ends."""
    there = set()
    for name, alias in sorted(named):
        query = _of(aliases, name, alias).with_for_update(read=True, key_share=True)
        if session.execute(query).first() is not None:
            there.add((name, alias))
    return there


def _add(session: Session, table: Table, key: tuple[str, ...], counts: dict[str, Any]) -> None:
    keys = [column.name for column in table.primary_key]
    values = dict(zip(keys, key, strict=True)) | counts | {"since": now()}
    statement = insert_or_update(session, table).values(**values)
    changes = {name: _sum(table.c[name], statement.excluded[name]) for name in counts}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


def _sum(kept: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    if str(kept.key).endswith("_max"):
        return case((kept < new, new), else_=kept)
    return kept + new


def _drop_oldest(session: Session, key: PairKey) -> None:
    found = shadow_disagreements.c
    columns = (found.name, found.alias, found.model_id, found.shadow_model_id)
    mine = [column == value for column, value in zip(columns, key, strict=True)]
    newest = select(found.id).where(*mine).order_by(found.at.desc(), found.id.desc())
    kept = newest.limit(MOST_DISAGREEMENTS)
    session.execute(delete_from(shadow_disagreements).where(*mine, found.id.not_in(kept)))


def _shadow_tally(session: Session, row: Row[Any], samples: int) -> ShadowTally:
    found = shadow_disagreements.c
    query = _of(shadow_disagreements, row.name, row.alias).where(
        found.model_id == row.model_id, found.shadow_model_id == row.shadow_model_id
    )
    query = query.order_by(found.at.desc(), found.id.desc()).limit(samples)
    sample = tuple(from_row(Disagreement, one) for one in session.execute(query))
    counts = _counts(ComparisonCounts, row)
    return ShadowTally(row.model_id, row.shadow_model_id, row.since, counts, sample)


def _counts(kind: type[Any], row: Row[Any]) -> Any:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def _of(table: Table, name: str, alias: str) -> Any:
    return select(table).where(table.c.name == name, table.c.alias == alias)


def _pair(one: Disagreement) -> PairKey:
    return (one.name, one.alias, one.model_id, one.shadow_model_id)
