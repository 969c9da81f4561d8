"""What a worker puts in order when it starts on a host where another one died."""

from __future__ import annotations

import logging

from app.domain.errors.transfers import LeaseLost
from app.domain.transfers import Transfer
from app.engines.leftovers import end_leftovers
from app.store import leases
from app.worker.attend import child_label
from app.worker.identity import died_on_this_host
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)


def recover(place: Workplace) -> None:
    """Kill children that dead workers of this host left, and free their transfers at once.

    A transfer whose child is not found here keeps its lease: it may be at work in another
    container of the same host name.
    """
    with place.context.readers() as session:
        held = leases.held(session)
    for transfer in held:
        if transfer.worker is None or transfer.process_group is None:
            continue
        if not died_on_this_host(transfer.worker):
            continue
        if end_leftovers(transfer.process_group, child_label(transfer)):
            _log.warning("killed what %s left of %s", transfer.worker, transfer.id)
            _free(transfer, place)


def _free(transfer: Transfer, place: Workplace) -> None:
    try:
        with place.context.sessions() as session:
            leases.renew(session, transfer.id, transfer.attempt, lease_seconds=0)
            session.commit()
    except LeaseLost:
        _log.info("%s was taken over already", transfer.id)
