"""When a slot that does something in the background takes a transfer."""

from __future__ import annotations

import threading

from app.engines.local import LocalEngine
from app.services.context import open_context
from app.settings import Settings
from app.store import batch_predictions, models
from app.worker.claiming import Claims
from app.worker.context import WorkerContext
from app.worker.job_kinds import KINDS, TRANSFERS
from tests.support.records import queue_a_transfer

_NEVER = 3600.0


def test_a_slot_at_work_leaves_a_transfer_to_the_idle_at_first(place: Settings) -> None:
    mine = _slot_of(place, poll_seconds=_NEVER)
    _queue(place)
    assert not mine.take_for_waiting()
    assert not mine.take_for_waiting()
    assert _slot_of(place, poll_seconds=_NEVER).next() is not None


def test_what_a_slot_took_is_claimed_by_no_other_and_is_its_next(place: Settings) -> None:
    mine, other = _slot_of(place, poll_seconds=0), _slot_of(place, poll_seconds=0)
    assert not mine.take_for_waiting()
    id = _queue(place)
    assert mine.take_for_waiting()
    assert not other.take_for_waiting()
    assert other.next() is None
    claimed = mine.next()
    assert claimed is not None
    kind, job = claimed
    assert (kind, job.id, job.attempt, mine.taken) == (TRANSFERS, id, 1, None)


def test_compilations_give_way_and_batch_predictions_do_not() -> None:
    ways = {kind.name: kind.gives_way for kind in KINDS if kind is not TRANSFERS}
    assert ways == {batch_predictions.KIND: False, models.COMPILATION: True}


def _slot_of(place: Settings, poll_seconds: float) -> Claims:
    service = open_context(place.model_copy(update={"poll_seconds": poll_seconds}))
    context = WorkerContext(service, LocalEngine(), threading.Event(), (TRANSFERS,))
    return Claims("host/1/a", context)


def _queue(place: Settings) -> str:
    context = open_context(place)
    with context.sessions.begin() as session:
        id = queue_a_transfer(session).id
    context.close()
    return id
