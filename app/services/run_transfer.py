"""A transfer from its first row to its record; runs in a process of its own."""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from app.domain.errors import BabelportError
from app.domain.errors.transfers import LeaseLost
from app.domain.transfers import Transfer
from app.learn.micro_batches import micro_batches
from app.learn.monitor import Cancelled
from app.services.context import Context, open_context
from app.services.running.failures import is_for_good, understood
from app.services.running.outcome import record_outcome
from app.services.running.reporter import Reporter
from app.services.running.stopping import Stopping, stopping_by_signal
from app.services.running.together import help_to_train, leads
from app.services.running.work import work
from app.services.transfers import find_transfer
from app.settings import settings
from app.store import leases
from app.store.patience import patiently

_log = logging.getLogger(__name__)


def run_transfer(transfer_id: str, attempt: int) -> None:
    """Carry out one attempt of a transfer and record how it ended.

    Success is one transaction: the model, its evaluations and the transfer's end. A failure is
    recorded with its code and advice; what another attempt may overcome (memory ran out, the
    database or the disk went away) puts the transfer back into the queue. A cancelled transfer,
    one that should stop, or one that another attempt holds by now, ends without a word: the
    worker records the first two, and the third is not ours.
    """
    context = open_context(settings())
    patience = context.settings.database_patience_seconds
    transfer = patiently(context.readers, lambda s: find_transfer(s, transfer_id), patience)
    if transfer.attempt != attempt:
        _log.info("attempt %s of %s is out of date", attempt, transfer_id)
        return
    if not leads():
        with micro_batches(2**transfer.batch_halvings):
            help_to_train(context, transfer)
        return
    try:
        with stopping_by_signal() as stopping:
            _carry_out(context, transfer, stopping)
    except (Cancelled, LeaseLost):
        _log.info("attempt %s of %s ends: it was stopped, or is not held", attempt, transfer_id)
    except Exception as error:
        foreseen = isinstance(error, BabelportError)
        _log.warning("%s failed: %s", transfer_id, error, exc_info=not foreseen)
        _record_failure(context, transfer, understood(error), is_for_good(error))


def _carry_out(context: Context, transfer: Transfer, stopping: Stopping) -> None:
    reporter = Reporter(context, transfer, stopping)
    parts = 2**transfer.batch_halvings
    with context.artifacts.workspace() as workspace, micro_batches(parts):
        material, held, outcome = work(context, transfer, reporter, workspace, stopping.asked)
        record_outcome(context, transfer, material, held, outcome)


def _record_failure(
    context: Context, transfer: Transfer, error: BabelportError, for_good: bool
) -> None:
    id, attempt, limits = transfer.id, transfer.attempt, context.settings

    def record(session: Session) -> None:
        if for_good:
            leases.fail(session, id, attempt, error.as_dict())
        else:
            leases.lose(session, id, attempt, error.as_dict(), limits.max_attempts)

    try:
        patiently(context.sessions, record, limits.database_patience_seconds)
    except LeaseLost:
        _log.info("%s is held by another attempt, which says how it ends", transfer.id)
