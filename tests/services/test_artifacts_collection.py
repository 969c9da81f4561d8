"""Bytes without a record are collected, and bytes with one never, on both kinds of database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.cli.main import app
from app.services.artifacts import collect_artifacts, drop_unused, publish
from app.services.context import Context, open_context
from app.settings import Settings
from app.settings import settings as settings_of_process
from app.store import batch_predictions, datasets, evaluations, job_queue, models, transfers
from app.store.database import retry_on_disconnect
from app.store.schema import metadata
from app.store.usage import hold_artifact_lock
from tests.support.records import (
    a_dataset,
    a_model,
    a_transfer,
    an_evaluation,
    claim_a_transfer,
    queue_a_batch_prediction,
)
from tests.support.waiting import wait_for

NOW, AN_HOUR = -1.0, 3600.0


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    """A context over an empty store."""
    return open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))


def _collect(context: Context, older_than: float = NOW, dry_run: bool = False) -> list[str]:
    return collect_artifacts(context, older_than, dry_run)


def _recorded(context: Context, text: str, record: Callable[[Session, str], None]) -> str:
    with context.artifacts.workspace() as folder:
        (folder / "file").write_text(text)

        def publish_and_record(session: Session) -> str:
            [digest] = publish(context, session, [folder / "file"])
            record(session, digest)
            return digest

        return retry_on_disconnect(context.sessions, publish_and_record, 60)


def _orphan(context: Context, text: str) -> str:
    with context.artifacts.workspace() as folder:
        (folder / "file").write_text(text)
        return context.artifacts.publish(folder / "file")


def _with_a_model(session: Session, digest: str) -> None:
    models.insert(session, a_model(sha256=digest))


def _with_a_dataset(session: Session, digest: str) -> None:
    datasets.insert(session, a_dataset(sha256=digest))


def _with_an_evaluation(session: Session, digest: str) -> None:
    model, dataset = a_model(name="for evaluations"), a_dataset()
    transfer = a_transfer(model, dataset)
    models.insert(session, model)
    datasets.insert(session, dataset)
    transfers.insert(session, transfer)
    made = an_evaluation(transfer)
    evaluations.insert(session, replace(made, predictions_sha256=digest))


def _with_a_split(session: Session, digest: str) -> None:
    model, dataset = a_model(name="for splits"), a_dataset()
    models.insert(session, model)
    datasets.insert(session, dataset)
    transfers.insert(session, a_transfer(model, dataset))
    done = claim_a_transfer(session)
    transfers.succeed(session, done.id, done.attempt, "mdl_made", {"split_sha256": digest})


def _with_results(session: Session, digest: str) -> None:
    id = queue_a_batch_prediction(session).id
    job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
    batch_predictions.succeed(session, id, 1, digest, 3)


def test_what_any_kind_of_record_needs_stays(context: Context) -> None:
    kinds = (_with_a_model, _with_a_dataset, _with_an_evaluation, _with_a_split, _with_results)
    needed = [_recorded(context, record.__name__, record) for record in kinds]
    orphan = _orphan(context, "nobody's")
    assert _collect(context) == [orphan]
    for digest in needed:
        drop_unused(context, digest, may_be_a_split=True)
        assert context.artifacts.exists(digest)
    assert not context.artifacts.exists(orphan)


def test_every_column_with_a_digest_of_stored_bytes_is_known_to_collection() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if "sha256" in column.name
    }
    # What a user sent is hashed as well, and is not stored.
    assert found - {"datasets.upload_sha256"} == {
        "models.sha256",
        "datasets.sha256",
        "evaluations.predictions_sha256",
        "compilations.sha256",
        "batch_predictions.results_sha256",
    }


def test_what_was_stored_lately_waits_and_a_dry_run_deletes_nothing(context: Context) -> None:
    orphan = _orphan(context, "nobody's")
    assert _collect(context, AN_HOUR) == []
    assert _collect(context, dry_run=True) == [orphan]
    assert context.artifacts.exists(orphan)


_KILLED_BEFORE_THE_COMMIT = """
import os, signal
from app.services.artifacts import publish
from app.services.context import open_context
from app.settings import settings
context = open_context(settings())
with context.artifacts.workspace() as folder, context.sessions.begin() as session:
    (folder / "file").write_text("never recorded")
    publish(context, session, [folder / "file"])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_bytes_of_a_process_killed_before_its_commit_are_collected_by_the_command(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BABELPORT_DATA_DIR", str(context.settings.data_dir))
    monkeypatch.setenv("BABELPORT_DATABASE_URL", context.settings.url)
    settings_of_process.cache_clear()
    command = [sys.executable, "-c", _KILLED_BEFORE_THE_COMMIT]
    subprocess.run(command, env=os.environ, check=False)
    [left] = [one.digest for one in context.artifacts.stored()]
    try:
        spared = CliRunner().invoke(app, ["collect"])
        listed = CliRunner().invoke(app, ["collect", "--dry-run", "--older-than", "0"])
        deleted = CliRunner().invoke(app, ["collect", "--older-than", "0"])
    finally:
        settings_of_process.cache_clear()
    assert [spared.stdout, listed.stdout, deleted.stdout] == ["", f"{left}\n", f"{left}\n"]
    outputs = [spared.stderr, listed.stderr, deleted.stderr]
    assert outputs == ["0 deleted.\n", "1 to delete.\n", "1 deleted.\n"]
    assert list(context.artifacts.stored()) == []


def test_bytes_that_vanish_while_they_are_recorded_are_written_again(context: Context) -> None:
    made: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        with context.sessions.begin() as session:
            hold_artifact_lock(session)  # as a collection does that found them unused
            recording = pool.submit(_recorded, context, "the same", _with_a_model)
            made = [wait_for(lambda: next((one.digest for one in context.artifacts.stored()), ""))]
            context.artifacts.remove(made[0])
        assert recording.result(timeout=60) == made[0]
    assert context.artifacts.path(made[0]).read_text() == "the same"
    assert _collect(context) == []


def test_collections_never_take_the_bytes_of_a_record_made_meanwhile(context: Context) -> None:
    """Records of the same few bytes come and go while two collections run without a pause."""
    done = threading.Event()
    with ThreadPoolExecutor(5) as pool:
        collectors = [pool.submit(_collect_until, done, context) for _ in range(2)]
        workers = [pool.submit(_come_and_go, context) for _ in range(3)]
        try:
            for worker in workers:
                worker.result(timeout=120)
        finally:
            done.set()
        for collector in collectors:
            collector.result(timeout=60)
    with context.readers() as session:
        needed = {dataset.sha256 for dataset in datasets.page(session, 200, None).items}
    _collect(context)
    assert len(needed) == 2
    assert {one.digest for one in context.artifacts.stored()} == needed
    assert all(context.artifacts.path(str(digest)) for digest in needed)


def _collect_until(done: threading.Event, context: Context) -> None:
    while not done.is_set():
        _collect(context)


def _come_and_go(context: Context) -> None:
    """Record three kinds of bytes again and again; the records of two kinds stay."""
    for turn in range(12):
        digest = _recorded(context, f"bytes {turn % 3}", _with_a_dataset)
        if turn % 3 == 0:
            with context.sessions.begin() as session:
                for dataset in datasets.page(session, 200, None).items:
                    if dataset.sha256 == digest:
                        datasets.delete(session, dataset.id)
            drop_unused(context, digest)
