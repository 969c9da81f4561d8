"""What a worker puts in order when it starts on a host where another one died."""

from __future__ import annotations

import logging

from app.domain.errors.transfers import LeaseLost
from app.domain.lesser_jobs import LesserJob
from app.domain.transfers import Transfer
from app.engines.leftovers import end_leftovers
from app.store import leases
from app.worker.attend import child_label
from app.worker.heartbeat import Leases
from app.worker.identity import died_on_this_host
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)


def recover(place: Workplace) -> None:
    """Kill children that dead workers of this host left, and free what they did at once.

    A transfer or lesser job whose child is not found here keeps its lease: it may be at work in
    another container of the same host name.
    """
    _recover(leases, place)
    for kind in place.lesser_kinds:
        _recover(kind.leases, place)


def _recover(kept_in: Leases, place: Workplace) -> None:
    with place.context.readers() as session:
        found = kept_in.held(session)
    for held in found:
        if held.worker is None or held.process_group is None:
            continue
        if not died_on_this_host(held.worker):
            continue
        if end_leftovers(held.process_group, child_label(held)):
            _log.warning("killed what %s left of %s", held.worker, held.id)
            _free(held, kept_in, place)


def _free(held: Transfer | LesserJob, kept_in: Leases, place: Workplace) -> None:
    try:
        with place.context.sessions() as session:
            kept_in.renew(session, held.id, held.attempt, lease_seconds=0)
            session.commit()
    except LeaseLost:
        _log.info("%s was taken over already", held.id)
