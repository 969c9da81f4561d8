"""Whether a record still needs an artifact's bytes."""

from __future__ import annotations

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app.store.tables import datasets, evaluations, models


def digest_in_use(session: Session, sha256: str) -> bool:
    """Whether any model, dataset or evaluation refers to the artifact with this digest."""
    columns = (models.c.sha256, datasets.c.sha256, evaluations.c.predictions_sha256)
    query = union_all(*(select(column).where(column == sha256) for column in columns)).limit(1)
    return session.execute(query).first() is not None
