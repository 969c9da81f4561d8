"""The Monitor of a real transfer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.domain.transfers import Transfer
from app.learn.callbacks import Cancelled
from app.services.context import Context, open_context
from app.services.transfers.progress import DatabaseReporter
from app.settings import Settings
from app.store import job_queue, transfers
from tests.support.records import claim_a_transfer, queue_a_transfer


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    return open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))


@pytest.fixture
def claimed(context: Context) -> Transfer:
    with context.sessions.begin() as session:
        queue_a_transfer(session)
        return claim_a_transfer(session)


def _stored(context: Context, transfer: Transfer) -> Transfer:
    with context.readers.begin() as session:
        found = transfers.get(session, transfer.id)
    assert found is not None
    return found


def test_progress_is_written_and_never_falls(context: Context, claimed: Transfer) -> None:
    reporter = DatabaseReporter(context, claimed)
    reporter.progress("training", 0.6)
    reporter.progress("evaluating", 0.4)
    progress = _stored(context, claimed).progress
    assert progress is not None
    assert (progress.phase, progress.fraction) == ("evaluating", 0.6)


def test_progress_is_not_written_at_every_step(context: Context, claimed: Transfer) -> None:
    reporter = DatabaseReporter(context, claimed)
    for step in range(100):
        reporter.progress("training", step / 100)
    progress = _stored(context, claimed).progress
    assert progress is not None
    assert progress.fraction < 0.99


def test_events_become_lines_of_the_history(context: Context, claimed: Transfer) -> None:
    DatabaseReporter(context, claimed).event("epoch", train_loss=0.5)
    with context.readers.begin() as session:
        last = job_queue.events_after(session, claimed.id, 0)[-1]
    assert (last.kind, last.data) == ("epoch", {"train_loss": 0.5})


def test_a_cancel_is_heard_at_the_next_report(context: Context, claimed: Transfer) -> None:
    reporter = DatabaseReporter(context, claimed)
    with context.sessions.begin() as session:
        transfers.cancel(session, claimed.id)
    with pytest.raises(Cancelled):
        reporter.progress("training", 0.5)


def test_a_lost_lease_stops_the_work_like_a_cancel(context: Context, claimed: Transfer) -> None:
    reporter = DatabaseReporter(context, claimed)
    with context.sessions.begin() as session:
        job_queue.hand_back(session, claimed.id, claimed.attempt)
    with pytest.raises(Cancelled):
        reporter.progress("training", 0.5)
    with pytest.raises(Cancelled):
        reporter.event("epoch")


def test_a_process_that_should_stop_is_let_save_its_state_first(
    context: Context, claimed: Transfer
) -> None:
    stopping = threading.Event()
    reporter = DatabaseReporter(context, claimed, stopping)
    stopping.set()
    reporter.progress("training", 0.5)
    with pytest.raises(Cancelled):
        reporter.progress("training", 0.6)
