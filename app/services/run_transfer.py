"""A transfer from its first row to its record; runs in a process of its own."""

from __future__ import annotations

import logging

from app.domain.errors import BabelportError
from app.domain.errors.running import InternalFailure, OutOfMemory
from app.domain.errors.transfers import LeaseLost
from app.domain.transfers import Transfer
from app.learn.monitor import Cancelled
from app.services.context import Context, open_context
from app.services.running.outcome import record_outcome
from app.services.running.reporter import Reporter
from app.services.running.work import work
from app.services.transfers import find_transfer
from app.settings import settings
from app.store import leases

_log = logging.getLogger(__name__)


def run_transfer(transfer_id: str, attempt: int) -> None:
    """Carry out one attempt of a transfer and record how it ended.

    Success is one transaction: the model, its evaluations and the transfer's end. A failure is
    recorded with its code and advice. A cancelled transfer, or one that another attempt holds by
    now, ends without a word: the worker records the first, and the second is not ours.
    """
    context = open_context(settings())
    with context.readers.begin() as session:
        transfer = find_transfer(session, transfer_id)
    if transfer.attempt != attempt:
        _log.info("attempt %s of %s is out of date", attempt, transfer_id)
        return
    try:
        _carry_out(context, transfer)
    except (Cancelled, LeaseLost):
        _log.info("attempt %s of %s ends: nobody waits for it", attempt, transfer_id)
    except BabelportError as error:
        _log.warning("%s failed: %s", transfer_id, error)
        _record_failure(context, transfer, error)
    except Exception as error:
        _log.exception("%s failed", transfer_id)
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        _record_failure(context, transfer, OutOfMemory() if memory else InternalFailure(error))


def _carry_out(context: Context, transfer: Transfer) -> None:
    with context.artifacts.workspace() as workspace:
        material, held, outcome = work(context, transfer, Reporter(context, transfer), workspace)
        record_outcome(context, transfer, material, held, outcome)


def _record_failure(context: Context, transfer: Transfer, error: BabelportError) -> None:
    try:
        with context.sessions.begin() as session:
            leases.fail(session, transfer.id, transfer.attempt, error.as_dict())
    except LeaseLost:
        _log.info("%s is held by another attempt, which says how it ends", transfer.id)
