"""What becomes of a transfer whose attempt was lost: tried again, in the end failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.domain.errors.transfers import AttemptsExhausted
from app.domain.retrying import wait_before_retry
from app.domain.transfer_states import AttemptOutcome, TransferState
from app.store import attempts, events
from app.store.moves import move
from app.store.tables import transfers

_LET_GO: dict[str, Any] = {
    "lease_expires_at": None,
    "process_group": None,
    "progress": None,
    "cancel_requested": False,
    "pause_requested": False,
}


def release_expired(session: Session, moment: datetime, max_attempts: int) -> None:
    """Put back every running transfer whose lease ran out before `moment`."""
    query = select(transfers).where(
        transfers.c.state == TransferState.RUNNING, transfers.c.lease_expires_at < moment
    )
    for row in session.execute(query.with_for_update(skip_locked=True)).all():
        attempts.end(session, row.id, row.attempt, AttemptOutcome.LOST)
        put_back(session, row, moment, max_attempts, {"reason": "lease-expired"})


def put_back(
    session: Session,
    row: Row[Any],
    moment: datetime,
    max_attempts: int,
    about: dict[str, Any],
    failure: dict[str, Any] | None = None,
    **values: Any,
) -> None:
    """Queue a running transfer again after a wait that grows with every attempt lost in a row.

    Wishes come first: it is cancelled or paused where somebody asked for that. At `max_attempts`
    it fails, with the `failure` of its last attempt where that has one. `about` says in its
    history why it is queued; `values` are written along.
    """
    lost = row.attempt - row.handed_back
    values = {**_LET_GO, **values}
    if row.cancel_requested:
        values |= {"finished_at": moment, "cancel_requested": True}
        _to(session, row.id, TransferState.CANCELLED, {}, values)
    elif row.pause_requested:
        _to(session, row.id, TransferState.PAUSED, {}, values)
    elif lost >= max_attempts:
        failure = failure or AttemptsExhausted(lost).as_dict()
        values |= {"finished_at": moment, "failure": failure}
        _to(session, row.id, TransferState.FAILED, failure, values)
    else:
        wait = wait_before_retry(lost)
        values["not_before"] = moment + timedelta(seconds=wait) if wait else None
        about = about | ({"wait_seconds": wait} if wait else {})
        _to(session, row.id, TransferState.QUEUED, about, values)


def _to(
    session: Session, id: str, after: TransferState, about: dict[str, Any], values: dict[str, Any]
) -> None:
    move(session, id, TransferState.RUNNING, after, **values)
    events.append(session, id, after, about)
