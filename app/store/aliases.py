"""Queries on aliases, where they pointed, and how often which model answered under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, func, select
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.aliases import (
    Alias,
    AliasMove,
    AnswerCounts,
    ComparisonCounts,
    Disagreement,
    ModelTally,
    ShadowTally,
)
from app.domain.errors.requests import AliasChanged
from app.domain.identity import now
from app.domain.models import Model
from app.store.database import from_row, insert_or_update, to_row
from app.store.schema import (
    alias_answers,
    alias_moves,
    aliases,
    models,
    shadow_comparisons,
    shadow_disagreements,
)
from app.store.usage import lock_alias_models

_KEY = ["name", "alias"]
# Name, alias, model; and the shadow of a comparison.
AnswerKey = tuple[str, str, str]
PairKey = tuple[str, str, str, str]
MOST_DISAGREEMENTS = 200


def get(session: Session, name: str, alias: str) -> Alias | None:
    """The alias of this name."""
    named = (aliases.c.name == name, aliases.c.alias == alias)
    row = session.execute(select(aliases).where(*named)).one_or_none()
    return None if row is None else from_row(Alias, row)


def find_model(session: Session, name: str, alias: str) -> Model | None:
    """The model that the alias of this name points to."""
    query = select(models).join(aliases, models.c.id == aliases.c.model_id)
    row = session.execute(
        query.where(aliases.c.name == name, aliases.c.alias == alias)
    ).one_or_none()
    return None if row is None else from_row(Model, row)


def of_name(session: Session, name: str) -> list[Alias]:
    """All aliases of a name, by their own names."""
    query = select(aliases).where(aliases.c.name == name).order_by(aliases.c.alias)
    return [from_row(Alias, row) for row in session.execute(query)]


def point(session: Session, wanted: Alias) -> Alias:
    """Let an alias point where `wanted` says, and keep a move where its model is another.

    `revision` and `updated_at` are given here. Of two at the same time one waits for the other.
    Raises `AliasInputsGone`; until the commit none of the models can be deleted.
    """
    lock_alias_models(session, wanted.model_ids)
    last = _last_sequence(session, wanted.name, wanted.alias)
    row = to_row(wanted) | {"updated_at": now(), "revision": last + 1}
    statement = insert_or_update(session, aliases).values(**row)
    changes = {name: value for name, value in row.items() if name not in _KEY}
    changes["revision"] = aliases.c.revision + 1
    statement = statement.on_conflict_do_update(index_elements=_KEY, set_=changes)
    made = from_row(Alias, session.execute(statement.returning(*aliases.c)).one())
    if _pointed_to(session, made) != made.model_id:
        move = AliasMove(made.name, made.alias, made.revision, made.model_id, made.updated_at)
        session.execute(insert_into(alias_moves).values(**to_row(move)))
    return made


def require(
    session: Session, name: str, alias: str, revisions: frozenset[int] | None, lock: bool = True
) -> None:
    """Raise `AliasChanged` unless the alias is at one of `revisions`; None: it must be there.

    With `lock` it stays so until the transaction ends.
    """
    query = select(aliases.c.revision).where(aliases.c.name == name, aliases.c.alias == alias)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None or (revisions is not None and found not in revisions):
        raise AliasChanged(name, alias, found)


def remove(session: Session, name: str, alias: str) -> bool:
    """Remove an alias and what was counted under it; where it pointed stays known.

    Tells whether it was there.
    """
    named = (aliases.c.name == name, aliases.c.alias == alias)
    deleted = delete_from(aliases).where(*named).returning(aliases.c.revision)
    revision = session.scalars(deleted).one_or_none()
    if revision is None:
        return False
    for table in (alias_answers, shadow_comparisons, shadow_disagreements):
        session.execute(delete_from(table).where(table.c.name == name, table.c.alias == alias))
    move = AliasMove(name, alias, revision + 1, None, now())
    session.execute(insert_into(alias_moves).values(**to_row(move)))
    return True


def moves(session: Session, name: str, alias: str, limit: int) -> list[AliasMove]:
    """Where the alias pointed, the newest first."""
    query = select(alias_moves).where(alias_moves.c.name == name, alias_moves.c.alias == alias)
    query = query.order_by(alias_moves.c.sequence.desc()).limit(limit)
    return [from_row(AliasMove, row) for row in session.execute(query)]


def _last_sequence(session: Session, name: str, alias: str) -> int:
    named = (alias_moves.c.name == name, alias_moves.c.alias == alias)
    return session.scalar(select(func.max(alias_moves.c.sequence)).where(*named)) or 0


def _pointed_to(session: Session, alias: Alias) -> str | None:
    newest = moves(session, alias.name, alias.alias, 1)
    return newest[0].model_id if newest else None


def add_counts(
    session: Session,
    answers: Mapping[AnswerKey, AnswerCounts],
    comparisons: Mapping[PairKey, ComparisonCounts],
    disagreements: Iterable[Disagreement],
) -> None:
    """Add what was counted; what belongs to an alias that is gone is dropped."""
    new = list(disagreements)
    named = {(key[0], key[1]) for key in [*answers, *comparisons, *map(_pair, new)]}
    there = _lock_existing(session, named)
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


def model_tallies(session: Session, name: str, alias: str) -> list[ModelTally]:
    """What each model answered under an alias, the first that did so at the beginning."""
    query = _of(alias_answers, name, alias).order_by(alias_answers.c.since)
    return [
        ModelTally(row.model_id, row.since, _counts(AnswerCounts, row))
        for row in session.execute(query)
    ]


def shadow_tallies(session: Session, name: str, alias: str, samples: int) -> list[ShadowTally]:
    """How each pair compared, with its `samples` newest disagreements, the newest first."""
    query = _of(shadow_comparisons, name, alias).order_by(shadow_comparisons.c.since)
    return [_shadow_tally(session, row, samples) for row in session.execute(query).all()]


def _lock_existing(session: Session, named: set[tuple[str, str]]) -> set[tuple[str, str]]:
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
    of_pair = [column == value for column, value in zip(columns, key, strict=True)]
    newest = select(found.id).where(*of_pair).order_by(found.at.desc(), found.id.desc())
    kept = newest.limit(MOST_DISAGREEMENTS)
    session.execute(delete_from(shadow_disagreements).where(*of_pair, found.id.not_in(kept)))


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
