"""Which unfinished jobs use a model or a dataset, and deletion refused while any do."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Table, or_, select
from sqlalchemy.orm import Session

from app.domain.companions import companion_model_id
from app.domain.errors.aliases import AliasInputsGone, NeededByAlias
from app.domain.errors.batch_predictions import NeededByBatchPredictions, PredictionInputsGone
from app.domain.errors.transfers import NeededByTransfers, TransferInputsGone
from app.domain.lesser_jobs import JobState, is_over
from app.domain.transfer_states import TransferState, is_final
from app.domain.transfers import TransferSpec
from app.store.alias_tables import aliases
from app.store.lesser_tables import batch_predictions
from app.store.tables import datasets, models, transfer_datasets, transfers

_UNFINISHED = [state for state in TransferState if not is_final(state)]
_GOING_ON = [state for state in JobState if not is_over(state)]


def transfers_of_model(session: Session, model_id: str) -> list[str]:
    """Ids of queued and running transfers that start from the model or have it as companion."""
    uses = or_(transfers.c.source_model_id == model_id, transfers.c.companion_model_id == model_id)
    query = select(transfers.c.id).where(uses, transfers.c.state.in_(_UNFINISHED))
    return list(session.scalars(query))


def transfers_of_dataset(session: Session, dataset_id: str) -> list[str]:
    """Ids of queued and running transfers that read the dataset."""
    query = select(transfers.c.id).distinct().join(transfer_datasets)
    query = query.where(
        transfer_datasets.c.dataset_id == dataset_id, transfers.c.state.in_(_UNFINISHED)
    )
    return list(session.scalars(query))


def refuse_while_used(
    session: Session, table: Table, id: str, users: Callable[[Session, str], list[str]]
) -> None:
    """Raise `NeededByTransfers` when `users` names any; until the commit none can be added.

    Raises `NeededByBatchPredictions` when any of those reads it, `NeededByAlias` when an alias
    points to it.
    """
    # The lock comes first: a job inserted meanwhile holds a share of it (`keep_inputs`).
    session.execute(select(table.c.id).where(table.c.id == id).with_for_update())
    if using := users(session, id):
        raise NeededByTransfers(id, using)
    if reading := _batch_predictions_of(session, id):
        raise NeededByBatchPredictions(id, reading)
    if pointing := _aliases_of(session, id):
        raise NeededByAlias(id, pointing)


def keep_inputs(session: Session, spec: TransferSpec) -> None:
    """Keep the models and datasets of `spec` from being deleted until the transaction ends.

    Raises `TransferInputsGone` naming those that do not exist.
    """
    companion = companion_model_id(spec.companion)
    gone = _absent(session, models, {spec.model_id} | ({companion} if companion else set()))
    gone += _absent(session, datasets, set(spec.datasets.values()))
    if gone:
        raise TransferInputsGone(gone)


def keep_predicted(session: Session, model_id: str, dataset_id: str) -> None:
    """The same for the model and the dataset of a batch prediction.

    Raises `PredictionInputsGone` naming those that do not exist.
    """
    gone = _absent(session, models, {model_id}) + _absent(session, datasets, {dataset_id})
    if gone:
        raise PredictionInputsGone(gone)


def keep_pointed_to(session: Session, model_ids: set[str]) -> None:
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
    mine: ColumnElement[bool] = or_(
        batch_predictions.c.model_id == id, batch_predictions.c.dataset_id == id
    )
    going_on = batch_predictions.c.state.in_(_GOING_ON)
    return list(session.scalars(select(batch_predictions.c.id).where(mine, going_on)))


def _absent(session: Session, table: Table, ids: set[str]) -> list[str]:
    query = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
    found = session.scalars(query.with_for_update(read=True, key_share=True))
    return sorted(ids - set(found))
