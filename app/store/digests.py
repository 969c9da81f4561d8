"""Which artifacts' bytes records still need."""

from __future__ import annotations

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app.store.lesser_tables import batch_predictions, compilations
from app.store.tables import datasets, evaluations, models, transfers

_INDEXED = (
    models.c.sha256,
    datasets.c.sha256,
    evaluations.c.predictions_sha256,
    compilations.c.sha256,
    batch_predictions.c.results_sha256,
)
# The rows of a transfer's split lie in the store as well; its result names them.
_SPLIT = transfers.c.result["split_sha256"].as_string()


def digest_in_use(session: Session, sha256: str) -> bool:
    """Whether any record but a transfer refers to the artifact with this digest."""
    queries = [select(column.label("sha256")).where(column == sha256) for column in _INDEXED]
    return session.execute(union_all(*queries).limit(1)).first() is not None


def split_in_use(session: Session, sha256: str) -> bool:
    """Whether any transfer's split is the artifact with this digest; reads every result."""
    return session.execute(select(transfers.c.id).where(sha256 == _SPLIT)).first() is not None


def digests_in_use(session: Session) -> set[str]:
    """Every digest that any record refers to."""
    columns = (*_INDEXED, _SPLIT)
    queries = [select(column.label("sha256")).where(column.is_not(None)) for column in columns]
    return set(session.scalars(union_all(*queries)))
