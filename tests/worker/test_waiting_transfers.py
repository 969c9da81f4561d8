"""When a slot that does something lesser takes a transfer."""

from __future__ import annotations

import threading

from app.engines.local import LocalEngine
from app.services.context import open_context
from app.settings import Settings
from app.worker.lesser_kinds import KINDS
from app.worker.waiting_transfers import WaitingTransfers
from app.worker.workplace import Workplace
from tests.support.records import queue_a_transfer

_NEVER = 3600.0


def test_a_slot_at_work_leaves_a_transfer_to_the_idle_at_first(place: Settings) -> None:
    mine = _slot_of(place, poll_seconds=_NEVER)
    _queue(place)
    assert not mine.take()
    assert not mine.take()
    assert _slot_of(place, poll_seconds=_NEVER).claim() is not None


def test_what_a_slot_took_is_claimed_by_no_other_and_is_its_next(place: Settings) -> None:
    mine, other = _slot_of(place, poll_seconds=0), _slot_of(place, poll_seconds=0)
    assert not mine.take()
    id = _queue(place)
    assert mine.take()
    assert not other.take()
    assert other.claim() is None
    claimed = mine.claim()
    assert claimed is not None
    assert (claimed.id, claimed.attempt, mine.taken) == (id, 1, None)


def test_compilations_give_way_and_batch_predictions_do_not() -> None:
    ways = {kind.argument: kind.gives_way for kind in KINDS}
    assert ways == {"batch_prediction_id": False, "model_id": True}


def _slot_of(place: Settings, poll_seconds: float) -> WaitingTransfers:
    context = open_context(place.model_copy(update={"poll_seconds": poll_seconds}))
    workplace = Workplace(context, LocalEngine(), target="", stop=threading.Event())
    return WaitingTransfers("host/1/a", workplace)


def _queue(place: Settings) -> str:
    context = open_context(place)
    with context.sessions.begin() as session:
        id = queue_a_transfer(session).id
    context.close()
    return id
