"""Queries on aliases and on where they pointed."""

from __future__ import annotations

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.aliases import Alias, AliasMove
from app.domain.errors.aliases import AliasChanged
from app.domain.identity import now
from app.domain.models import Model
from app.store.alias_tables import (
    alias_answers,
    alias_moves,
    aliases,
    shadow_comparisons,
    shadow_disagreements,
)
from app.store.records import from_row, to_row
from app.store.tables import models
from app.store.upsert import insert_or_update
from app.store.usage import keep_pointed_to

_KEY = ["name", "alias"]


def get(session: Session, name: str, alias: str) -> Alias | None:
    """The alias of this name."""
    mine = (aliases.c.name == name, aliases.c.alias == alias)
    row = session.execute(select(aliases).where(*mine)).one_or_none()
    return None if row is None else from_row(Alias, row)


def model(session: Session, name: str, alias: str) -> Model | None:
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
    keep_pointed_to(session, wanted.model_ids)
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
    mine = (aliases.c.name == name, aliases.c.alias == alias)
    deleted = delete_from(aliases).where(*mine).returning(aliases.c.revision)
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
    mine = (alias_moves.c.name == name, alias_moves.c.alias == alias)
    return session.scalar(select(func.max(alias_moves.c.sequence)).where(*mine)) or 0


def _pointed_to(session: Session, alias: Alias) -> str | None:
    newest = moves(session, alias.name, alias.alias, 1)
    return newest[0].model_id if newest else None
