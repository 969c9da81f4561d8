"""What is in use: models and datasets by jobs and aliases, artifacts' bytes by records."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Table, or_, select, text, union_all
from sqlalchemy.orm import Session

from app.domain.errors.predictions import NeededByBatchPredictions, PredictionInputsGone
from app.domain.errors.requests import AliasInputsGone, NeededByAlias
from app.domain.errors.transfers import NeededByTransfers, TransferInputsGone
from app.domain.jobs import UNFINISHED
from app.domain.transfers import TransferSpec, auxiliary_model_id
from app.store.schema import (
    aliases,
    batch_predictions,
    compilations,
    datasets,
    evaluations,
    jobs,
    models,
    transfer_datasets,
    transfers,
)

_UNFINISHED = jobs.c.state.in_(UNFINISHED)
_INDEXED = (
    models.c.sha256,
    datasets.c.sha256,
    evaluations.c.predictions_sha256,
    compilations.c.sha256,
    batch_predictions.c.results_sha256,
)
# The rows of a transfer's split lie in the store as well; its result names them.
_SPLIT = transfers.c.result["split_sha256"].as_string()
_ARTIFACT_LOCK = 7_305_042_867  # any number that no other program on the database takes


def transfers_of_model(session: Session, model_id: str) -> list[str]:
    """Ids of queued and running transfers that have it as source or auxiliary model."""
    uses = or_(transfers.c.source_model_id == model_id, transfers.c.auxiliary_model_id == model_id)
    query = select(transfers.c.id).join(jobs, jobs.c.id == transfers.c.id)
    return list(session.scalars(query.where(uses, _UNFINISHED)))


def transfers_of_dataset(session: Session, dataset_id: str) -> list[str]:
    """Ids of queued and running transfers that read the dataset."""
    query = select(jobs.c.id).distinct()
    query = query.join(transfer_datasets, transfer_datasets.c.transfer_id == jobs.c.id)
    reads = transfer_datasets.c.dataset_id == dataset_id
    return list(session.scalars(query.where(reads, _UNFINISHED)))


def refuse_while_used(
    session: Session, table: Table, id: str, users: Callable[[Session, str], list[str]]
) -> None:
    """Raise `NeededByTransfers` when `users` names any; until the commit none can be added.

    Raises `NeededByBatchPredictions` when any of those reads it, `NeededByAlias` when an alias
    points to it.
    """
    # The lock comes first: a job inserted meanwhile holds a share of it (`lock_transfer_inputs`).
    session.execute(select(table.c.id).where(table.c.id == id).with_for_update())
    if using := users(session, id):
        raise NeededByTransfers(id, using)
    if reading := _batch_predictions_of(session, id):
        raise NeededByBatchPredictions(id, reading)
    if pointing := _aliases_of(session, id):
        raise NeededByAlias(id, pointing)


def lock_transfer_inputs(session: Session, spec: TransferSpec) -> None:
    """Keep the models and datasets of `spec` from being deleted until the transaction ends.

    Raises `TransferInputsGone` naming those that do not exist.
    """
    auxiliary_model = auxiliary_model_id(spec.auxiliary_model)
    gone = _absent(
        session, models, {spec.model_id} | ({auxiliary_model} if auxiliary_model else set())
    )
    gone += _absent(session, datasets, set(spec.datasets.values()))
    if gone:
        raise TransferInputsGone(gone)


def lock_prediction_inputs(session: Session, model_id: str, dataset_id: str) -> None:
    """The same for the model and the dataset of a batch prediction.

    Raises `PredictionInputsGone` naming those that do not exist.
    """
    gone = _absent(session, models, {model_id}) + _absent(session, datasets, {dataset_id})
    if gone:
        raise PredictionInputsGone(gone)


def lock_alias_models(session: Session, model_ids: set[str]) -> None:
    """The same for the models that an alias is to point to.

    Raises `AliasInputsGone` naming those that do not exist.
    """
    if gone := _absent(session, models, model_ids):
        raise AliasInputsGone(gone)


def _aliases_of(session: Session, model_id: str) -> list[str]:
    """As `name@alias`; empty for the id of a dataset."""
    columns = (aliases.c.model_id, aliases.c.canary_model_id, aliases.c.shadow_model_id)
    query = select(aliases.c.name, aliases.c.alias).where(or_(*(c == model_id for c in columns)))
    return sorted(f"{name}@{alias}" for name, alias in session.execute(query))


def _batch_predictions_of(session: Session, id: str) -> list[str]:
    """Of a model or of a dataset: ids are never the same."""
    reads = or_(batch_predictions.c.model_id == id, batch_predictions.c.dataset_id == id)
    query = select(batch_predictions.c.id).join(jobs, jobs.c.id == batch_predictions.c.id)
    return list(session.scalars(query.where(reads, _UNFINISHED)))


def _absent(session: Session, table: Table, ids: set[str]) -> list[str]:
    query = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
    found = session.scalars(query.with_for_update(read=True, key_share=True))
    return sorted(ids - set(found))


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


def hold_artifact_lock(session: Session) -> None:
    """Wait for, and hold, the lock under which bytes get their first row or lose their last.

    Without it the bytes of a record just deleted could be removed at the moment when another
    record with the very same bytes is committed.
    """
    # SQLite needs no such lock: its writing transactions exclude each other from their begin.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_ARTIFACT_LOCK})"))
    else:
        session.execute(text("SELECT 1"))
