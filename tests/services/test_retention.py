"""What is older than it is kept goes, a little at a time; what is younger stays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from app.domain.identity import now
from app.domain.transfers import Transfer
from app.services.context import Context, open_context
from app.services.jobs import attempt_log
from app.services.retention import DroppedCounts, apply_retention
from app.settings import Settings
from app.store import batch_predictions, evaluations, idempotency, job_queue, retention, transfers
from app.store.idempotency import StoredResponse
from app.store.schema import evaluations as evaluations_table
from app.store.schema import idempotency_keys, jobs, tenants
from tests.support.records import an_evaluation, queue_a_batch_prediction, queue_a_transfer

_NOTHING = DroppedCounts(0, 0, 0, 0, 0)


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Iterator[Context]:
    """A data folder that keeps everything for ten days."""
    kept = ("events", "attempts", "predictions", "batch_predictions")
    days = dict.fromkeys((f"keep_{what}_days" for what in kept), 10)
    opened = open_context(
        Settings(
            data_dir=tmp_path / "var",
            database_url=database_url,
            keep_idempotency_keys_days=10,
            **days,
        )
    )
    yield opened
    opened.sessions.kw["bind"].dispose()


def _failed(session: Session, days_ago: float, **changes: Any) -> Transfer:
    """A transfer whose first attempt failed some days ago: three events, one attempt."""
    transfer = queue_a_transfer(session, **changes)
    job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
    job_queue.fail(session, transfer.id, 1, {"code": "child-died"})
    _age(session, transfer.id, days_ago)
    return transfer


def _age(session: Session, id: str, days: float) -> None:
    ended = {"finished_at": now() - timedelta(days=days)}
    session.execute(update(jobs).where(jobs.c.id == id).values(ended))


def _kinds(context: Context, id: str) -> list[str]:
    with context.readers() as session:
        return [event.kind for event in job_queue.events_after(session, id, 0)]


def test_old_events_go_but_the_last_and_old_attempts_go(context: Context) -> None:
    with context.sessions.begin() as session:
        old, young = _failed(session, 11), _failed(session, 9)
        waiting = queue_a_transfer(session)
    assert apply_retention(context) == DroppedCounts(2, 1, 0, 0, 0)
    assert _kinds(context, old.id) == ["failed"]
    assert _kinds(context, young.id) == ["queued", "running", "failed"]
    assert _kinds(context, waiting.id) == ["queued"]
    with context.readers() as session:
        assert job_queue.attempts_of(session, old.id) == []
        assert len(job_queue.attempts_of(session, young.id)) == 1
    assert apply_retention(context) == _NOTHING


def test_the_attempt_that_succeeded_stays(context: Context) -> None:
    with context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.succeed(session, transfer.id, 1, "mdl_made", {})
        _age(session, transfer.id, 11)
    assert apply_retention(context).attempts == 0
    with context.readers() as session:
        assert len(job_queue.attempts_of(session, transfer.id)) == 1


def test_an_old_transfer_that_is_tried_again_keeps_its_history(context: Context) -> None:
    with context.sessions.begin() as session:
        old = _failed(session, 11)
        transfers.retry(session, old.id)
    assert apply_retention(context) == _NOTHING
    assert _kinds(context, old.id)[:3] == ["queued", "running", "failed"]


def test_a_transfer_tried_again_after_it_was_found_keeps_its_history(context: Context) -> None:
    before = now() - timedelta(days=10)
    with context.sessions.begin() as session:
        old = _failed(session, 11)
        assert retention.with_old_events(session, before) == [old.id]
        assert retention.with_old_attempts(session, before) == [old.id]
        transfers.retry(session, old.id)
        assert retention.drop_events(session, [old.id], before) == 0
        assert retention.drop_attempts(session, [old.id], before) == 0


def test_old_predictions_go_with_their_bytes_and_the_evaluation_says_when(
    context: Context, tmp_path: Path
) -> None:
    digests = []
    for name in ("old", "young"):
        file = tmp_path / name
        file.write_text(name)
        digests.append(context.artifacts.publish(file))
    with context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        made = (now() - timedelta(days=11), now() - timedelta(days=9))
        old, young = (
            an_evaluation(transfer, predictions_sha256=digest, created_at=moment)
            for digest, moment in zip(digests, made, strict=True)
        )
        evaluations.insert(session, old)
        evaluations.insert(session, young)
    assert apply_retention(context).predictions == 1
    assert [context.artifacts.exists(digest) for digest in digests] == [False, True]
    with context.readers() as session:
        found = evaluations.get(session, old.id)
        assert evaluations.get(session, young.id) == young
    assert found is not None
    assert (found.predictions_sha256, found.metrics) == (None, old.metrics)
    assert found.predictions_dropped_at is not None
    assert apply_retention(context) == _NOTHING


def test_old_results_of_batch_predictions_go_with_their_bytes_and_the_record_says_when(
    context: Context, tmp_path: Path
) -> None:
    ids = []
    for name, days in (("old", 11), ("young", 9)):
        (tmp_path / name).write_text(name)
        with context.sessions.begin() as session:
            id = queue_a_batch_prediction(session).id
            job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
            digest = context.artifacts.publish(tmp_path / name)
            batch_predictions.succeed(session, id, 1, digest, 3)
            _age(session, id, days)
            ids.append(id)
    with context.readers() as session:
        before = [batch_predictions.get(session, id) for id in ids]
    assert apply_retention(context).results == 1
    with context.readers() as session:
        old, young = (batch_predictions.get(session, id) for id in ids)
    assert old is not None
    assert young == before[1]
    assert (old.results_sha256, old.size_bytes) == (None, None)
    assert old.results_dropped_at is not None
    digests = [one.results_sha256 for one in before if one is not None]
    assert [context.artifacts.exists(str(digest)) for digest in digests] == [False, True]
    assert apply_retention(context) == _NOTHING


def test_old_keys_and_old_logs_go(context: Context) -> None:
    with context.sessions.begin() as session:
        for name, days in (("old", 11), ("young", 9)):
            answered = now() - timedelta(days=days)
            answer = StoredResponse(name, "POST", "/v1/models", "digest", 201, {}, "{}", answered)
            idempotency.insert(session, answer)
            log = attempt_log(context.settings, f"trf_{name}-1")
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
            os.utime(log, (answered.timestamp(), answered.timestamp()))
    assert apply_retention(context) == DroppedCounts(0, 0, 0, keys=1, logs=1)
    with context.readers() as session:
        assert list(session.scalars(select(idempotency_keys.c.key))) == ["young"]
    assert [log.name for log in (context.settings.data_dir / "logs").iterdir()] == [
        "trf_young-1.log"
    ]


def test_tenants_that_were_served_long_ago_go(context: Context) -> None:
    with context.sessions.begin() as session:
        for name, days in (("old", 31), ("young", 29)):
            _failed(session, 0, tenant=name)
            served = {"served_at": now() - timedelta(days=days)}
            session.execute(update(tenants).where(tenants.c.name == name).values(served))
    assert apply_retention(context) == DroppedCounts(0, 0, 0, 0, 0, tenants=1)
    with context.readers() as session:
        assert sorted(session.scalars(select(tenants.c.name))) == ["", "young"]


def test_what_is_kept_for_no_limited_time_is_never_dropped(
    context: Context, tmp_path: Path, database_url: str
) -> None:
    with context.sessions.begin() as session:
        _failed(session, 20_000)
    kept = Settings(
        data_dir=tmp_path, database_url=database_url, keep_events_days=0, keep_attempts_days=0
    )
    assert apply_retention(open_context(kept)) == _NOTHING


def test_much_is_dropped_in_many_small_transactions(context: Context) -> None:
    with context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        for _ in range(120):
            made = now() - timedelta(days=11)
            evaluation = an_evaluation(transfer, predictions_sha256="d" * 64, created_at=made)
            evaluations.insert(session, evaluation)
    changed: list[int] = []

    def note(_connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE evaluations"):
            changed.append(cursor.rowcount)  # type: ignore[attr-defined]

    event.listen(context.sessions.kw["bind"], "after_cursor_execute", note)
    assert apply_retention(context).predictions == 120
    assert changed == [50, 50, 20]


def test_a_worker_that_stops_leaves_the_rest_for_later(context: Context) -> None:
    with context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        made = now() - timedelta(days=11)
        old = an_evaluation(transfer, predictions_sha256="d" * 64, created_at=made)
        evaluations.insert(session, old)
    stop = threading.Event()
    stop.set()
    assert apply_retention(context, stop) == _NOTHING
    with context.readers() as session:
        left = select(func.count()).where(evaluations_table.c.predictions_sha256.is_not(None))
        assert session.scalar(left) == 1
        assert transfers.get(session, transfer.id) is not None
