"""Queries on datasets."""

from __future__ import annotations

from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.datasets import Dataset
from app.domain.enums import DatasetStatus
from app.store import usage
from app.store.database import from_row, to_row
from app.store.pagination import Page, read_page
from app.store.schema import datasets


def insert(session: Session, dataset: Dataset) -> None:
    """Add a dataset."""
    session.execute(insert_into(datasets).values(**to_row(dataset)))


def get(session: Session, id: str) -> Dataset | None:
    """The dataset with this id."""
    row = session.execute(select(datasets).where(datasets.c.id == id)).one_or_none()
    return None if row is None else from_row(Dataset, row)


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    name: str | None = None,
    language: str | None = None,
    status: DatasetStatus | None = None,
) -> Page[Dataset]:
    """Datasets, newest first, of one name, language and status where they are given."""
    wanted = {"name": name, "language": language, "status": status}
    query = select(datasets).where(
        *(datasets.c[column] == value for column, value in wanted.items() if value is not None)
    )
    return read_page(session, Dataset, query, datasets, limit, cursor)


def delete(session: Session, id: str) -> None:
    """Delete the record; raises `NeededByTransfers` while a queued or running transfer uses it.

    The bytes are the caller's to remove, after the commit and only where `digest_in_use` says no.
    """
    usage.refuse_while_used(session, datasets, id, users)
    session.execute(delete_from(datasets).where(datasets.c.id == id))


def users(session: Session, id: str) -> list[str]:
    """The ids of queued and running transfers that read this dataset."""
    return usage.transfers_of_dataset(session, id)
