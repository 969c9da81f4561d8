"""Queries on models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.enums import ModelStatus
from app.domain.models import Model
from app.store import compilations, usage
from app.store.alias_tables import shadow_disagreements
from app.store.digests import digest_in_use
from app.store.page import Page, read_page
from app.store.records import from_row, to_row
from app.store.tables import model_names, models
from app.store.upsert import insert_or_update

__all__ = [
    "delete",
    "digest_in_use",
    "find",
    "get",
    "insert",
    "next_version",
    "page",
    "users",
    "versions",
]


def insert(session: Session, model: Model) -> None:
    """Add a model; its name and version together are unique."""
    values = {name: value for name, value in to_row(model).items() if name != "serving"}
    session.execute(insert_into(models).values(**values))
    statement = insert_or_update(session, model_names)
    statement = statement.values(name=model.name, last_version=model.version)
    last, given = model_names.c.last_version, statement.excluded.last_version
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"last_version": case((last < given, given), else_=last)}
        )
    )


def get(session: Session, id: str) -> Model | None:
    """The model with this id."""
    return _one(session, select(models).where(models.c.id == id))


def find(session: Session, name: str, version: int | None = None) -> Model | None:
    """The model of this name and version; without a version, the newest that is ready."""
    query = select(models).where(models.c.name == name)
    if version is not None:
        return _one(session, query.where(models.c.version == version))
    query = query.where(models.c.status == ModelStatus.READY)
    return _one(session, query.order_by(models.c.version.desc()).limit(1))


def versions(session: Session, name: str) -> list[int]:
    """The versions of `name` that are ready, the oldest first."""
    query = select(models.c.version).where(models.c.name == name)
    ready = query.where(models.c.status == ModelStatus.READY)
    return list(session.scalars(ready.order_by(models.c.version)))


def next_version(session: Session, name: str) -> int:
    """The number for a new version of `name`, from 1, never one that was given before.

    It is reserved until the transaction ends: another transaction that asks for the same name
    waits, and gets the same number only when this one rolls back.
    """
    statement = insert_or_update(session, model_names).values(name=name, last_version=1)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"last_version": model_names.c.last_version + 1}
    )
    return session.execute(statement.returning(model_names.c.last_version)).scalar_one()


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    name: str | None = None,
    status: ModelStatus | None = None,
) -> Page[Model]:
    """Models, newest first, of one name and one status where they are given."""
    query = select(models)
    if name is not None:
        query = query.where(models.c.name == name)
    if status is not None:
        query = query.where(models.c.status == status)
    found = read_page(session, Model, query, models, limit, cursor)
    return replace(found, items=_served(session, found.items))


def delete(session: Session, id: str) -> None:
    """Delete the record; raises `NeededByTransfers` while a queued or running transfer uses it.

    Models made from it keep its id as their lineage; the answers of its that differed from
    another's are gone. The bytes are the caller's to remove, after the commit and only where
    `digest_in_use` says no.
    """
    usage.refuse_while_used(session, models, id, users)
    answers = (shadow_disagreements.c.model_id, shadow_disagreements.c.shadow_model_id)
    mine = or_(*(column == id for column in answers))
    session.execute(delete_from(shadow_disagreements).where(mine))
    session.execute(delete_from(models).where(models.c.id == id))


def users(session: Session, id: str) -> list[str]:
    """The ids of queued and running transfers that start from this model."""
    return usage.transfers_of_model(session, id)


def _one(session: Session, query: Any) -> Model | None:
    row = session.execute(query).one_or_none()
    return None if row is None else _served(session, [from_row(Model, row)])[0]


def _served(session: Session, found: Sequence[Model]) -> list[Model]:
    """The models with how they are served."""
    servings = compilations.servings(session, [model.id for model in found])
    return [replace(model, serving=servings.get(model.id)) for model in found]
