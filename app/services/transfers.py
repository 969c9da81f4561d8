"""Use cases of transfers: check one, queue it, find it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.enums import Role
from app.domain.errors.transfer_requests import RecordRejected
from app.domain.errors.transfers import TransferNotFound
from app.domain.identity import new_id, now
from app.domain.models import Model, ModelFacts
from app.domain.transfer_states import TransferState
from app.domain.transfers import Transfer, TransferSpec, Turn
from app.services.companions import check_widths, choose_companion
from app.services.context import Context
from app.services.datasets import find_dataset, ready_dataset
from app.services.models import ReadModel, find_model
from app.services.transfer_fit import check_fit
from app.services.transfer_request import (
    TransferRequest,
    check_languages,
    check_request,
)
from app.store import transfers


def check_transfer(
    context: Context, model: str, datasets: dict[Role, str], request: TransferRequest
) -> TransferSpec:
    """The specification of a transfer of registered records, all checked that can be checked.

    Rows are read for it while no transaction is open.
    """
    fields = check_request(request, set(datasets))
    with context.readers() as session:
        source = find_model(session, model)
        facts = ready_facts(source)
        found = {role: find_dataset(session, id) for role, id in datasets.items()}
        fields["companion"] = choose_companion(session, request.method, request.companion)
        check_widths(session, facts, fields["companion"])
    check_languages(fields["language"], {role: d.language for role, d in found.items()})
    material = {role: ready_dataset(context, dataset) for role, dataset in found.items()}
    check_fit(request, facts, material)
    ids = {role: dataset.id for role, dataset in found.items()}
    return TransferSpec(model_id=source.id, datasets=ids, **fields)


def queue(session: Session, spec: TransferSpec, turn: Turn = Turn()) -> Transfer:
    """Insert a checked transfer; workers see it after the commit.

    Raises `TransferInputsGone` where a record was deleted since it was checked.
    """
    transfer = Transfer(new_id("trf"), spec, TransferState.QUEUED, now(), **vars(turn))
    transfers.insert(session, transfer)
    return transfer


def find_transfer(session: Session, transfer_id: str) -> Transfer:
    """The transfer by id; or `TransferNotFound`."""
    found = transfers.get(session, transfer_id)
    if found is None:
        raise TransferNotFound(transfer_id)
    return found


def ready_facts(model: Model | ReadModel) -> ModelFacts:
    """The facts of a model; raises `RecordRejected` where it has none."""
    if model.facts is not None:
        return model.facts
    raise RecordRejected(model.id)
