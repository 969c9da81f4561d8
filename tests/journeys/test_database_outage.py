"""The database server crashes and comes back while the API answers and a transfer runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.services.context import open_context
from app.services.predict_batch import BatchParts, predict_batch
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import batch_predictions, job_queue, transfers
from app.store.migrations import upgrade
from app.worker.job_kinds import TRANSFERS
from app.worker.run_worker import run_worker
from tests.support.batch_jobs import a_queued_batch
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.postgres_server import PostgresServer, postgres_server, server_binaries
from tests.support.records import queue_a_transfer
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test alone, which keeps what was committed when it crashes."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server installed")
    with postgres_server(binaries, synchronous_commit="on") as running:
        yield running


def test_api_worker_and_child_outlive_a_crash_of_the_database_server(
    server: PostgresServer, tmp_path: Path
) -> None:
    upgrade(server.url)
    settings = Settings(
        data_dir=tmp_path / "var", database_url=server.url, poll_seconds=0.05, lease_seconds=2
    )
    with running_service(settings) as service, _worker(settings):
        with service.context.sessions.begin() as session:
            id = queue_a_transfer(session).id
        wait_for(lambda: _checks(service, id) > 1)
        server.crash()
        refused = httpx2.get(f"{service.url}/v1/transfers")
        assert (refused.status_code, refused.json()["code"]) == (503, "database-unreachable")
        assert "retry-after" in refused.headers
        assert httpx2.get(f"{service.url}/health").status_code == 200
        server.start()
        before = wait_for(lambda: _checks(service, id))
        wait_for(lambda: _checks(service, id) > before)
        (settings.data_dir / "done").touch()
        assert service.client.transfers.wait(id)["state"] == "succeeded"
        assert _transfer(service, id).attempt == 1


def test_a_child_that_starts_while_the_server_is_down_waits_for_it(
    server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upgrade(server.url)
    settings = Settings(data_dir=tmp_path / "var", database_url=server.url)
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    with running_service(settings) as service:
        with service.context.sessions.begin() as session:
            id = queue_a_transfer(session).id
            job_queue.claim(session, transfers.KIND, "host/1/a", 600, 3)
        server.crash()
        child = threading.Thread(target=run_transfer, args=(id, 1))
        child.start()
        wait_for(lambda: "the database does not answer" in caplog.text)
        server.start()
        child.join(60)
        failure = _transfer(service, id).failure
    assert failure is not None
    assert failure["code"] == "artifact-missing"  # the model of the builders has no bytes


def test_a_batch_prediction_outlives_a_crash_between_two_of_its_parts(
    server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upgrade(server.url)
    settings = Settings(data_dir=tmp_path / "var", database_url=server.url, batch_part_rows=10)
    monkeypatch.setattr("app.services.predict_batch.settings", lambda: settings)
    keep = BatchParts.keep

    def keep_and_crash(parts: BatchParts, number: int, table: Any) -> None:
        keep(parts, number, table)
        if number == 1:
            server.crash()

    monkeypatch.setattr(BatchParts, "keep", keep_and_crash)
    context = open_context(settings)
    folder = a_text_classifier(tmp_path / "classifier", labels=LABELS)
    id = a_queued_batch(context, folder, labelled_examples(30), LABELS).id
    with context.sessions.begin() as session:
        job_queue.claim(session, batch_predictions.KIND, "host/1/a", 600, 3)
    child = threading.Thread(target=predict_batch, args=(id, 1))
    child.start()
    wait_for(lambda: "the database does not answer" in caplog.text)
    server.start()
    child.join(60)
    with context.readers() as session:
        done = batch_predictions.get(session, id)
    context.close()
    assert done is not None
    assert (done.state, done.attempt, done.rows_done) == (JobState.SUCCEEDED, 1, 30)


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    kind = replace(TRANSFERS, target="tests.support.transfer_children:succeed_when_told")
    thread = threading.Thread(target=run_worker, args=(settings, stop, (kind,)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def _transfer(service: Service, id: str) -> Transfer:
    with service.context.readers() as session:
        found = transfers.get(session, id)
    assert found is not None
    return found


def _checks(service: Service, id: str) -> int:
    with service.context.readers() as session:
        return len(
            [event for event in job_queue.events_after(session, id, 0) if event.kind == "check"]
        )
