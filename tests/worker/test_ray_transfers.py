"""Whole transfers in a Ray cluster: real training, a real worker, a real database."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import Role
from app.domain.identity import new_id
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.services.context import Context, open_context
from app.settings import Settings
from app.store import job_queue, transfers
from app.store.migrations import upgrade
from app.worker.run_worker import run_worker
from tests.support.claimed_transfers import a_claimed_transfer
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.waiting import wait_for

_PARAMETERS = {"strategy": "full", "max_steps": 60, "learning_rate": 0.001, "batch_size": 7}
_SECONDS = 240


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, ray_address: str) -> Context:
    """A place whose transfers run at Ray; every step is kept, so that any may be the last."""
    folder = tmp_path_factory.mktemp("ray-transfers")
    settings = Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder}/babelport.sqlite",
        engine="ray",
        ray_address=ray_address,
        checkpoint_seconds=0,
        advice_seconds=0,
        poll_seconds=0.05,
    )
    upgrade(settings.url)
    return open_context(settings)


@pytest.fixture(scope="module")
def specified(context: Context, tmp_path_factory: pytest.TempPathFactory) -> Transfer:
    """What each test asks for anew."""
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = a_text_classifier(tmp_path_factory.mktemp("model"), labels=LABELS, **no_dropout)
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    return a_claimed_transfer(context, model, rows, LABELS, parameters=_PARAMETERS)


@pytest.fixture(scope="module")
def calm(context: Context, specified: Transfer) -> Transfer:
    """The transfer as it ends in a child of the worker, where nothing happens to it."""
    with _a_worker(context.settings.model_copy(update={"engine": "local"})):
        return _end_of(context, _queue(context, specified))


def test_a_transfer_whose_ray_worker_is_killed_goes_on_and_ends_in_the_same_numbers(
    context: Context, specified: Transfer, calm: Transfer
) -> None:
    with _a_worker(context.settings):
        id = _queue(context, specified)
        wait_for(lambda: "check" in _told(context, id), _SECONDS)
        os.kill(_pid_of_the_task(f"{id}-1"), signal.SIGKILL)
        done = _end_of(context, id)
    assert done.attempt == 2
    assert _told(context, id)["resumed"]["step"] > 0
    assert done.result is not None
    assert calm.result is not None
    for part in ("history", "comparisons", "verdict"):
        assert done.result[part] == calm.result[part]


def test_two_ray_workers_train_together_what_one_trains(
    context: Context, specified: Transfer, calm: Transfer
) -> None:
    with _a_worker(context.settings.model_copy(update={"ray_workers": 2})):
        id = _queue(context, specified)
        done = _end_of(context, id)
    assert _told(context, id)["shared"] == {"processes": 2}
    ours, theirs = _losses(done), _losses(calm)
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours != theirs  # sums of two shares round differently: neither went through the whole


@contextmanager
def _a_worker(settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(settings, stop))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(60)
    assert not worker.is_alive()


def _queue(context: Context, like: Transfer) -> str:
    id = new_id("trf")
    with context.sessions.begin() as session:
        transfers.insert(session, replace(like, id=id, state=JobState.QUEUED, attempt=0))
    return id


def _end_of(context: Context, id: str) -> Transfer:
    def ended() -> Transfer | None:
        with context.readers.begin() as session:
            transfer = transfers.get(session, id)
        assert transfer is not None
        return transfer if transfer.finished_at is not None else None

    done = wait_for(ended, _SECONDS)
    assert done is not None
    assert done.state is JobState.SUCCEEDED, done.failure
    return done


def _told(context: Context, id: str) -> dict[str, Any]:
    """The last event of each kind."""
    with context.readers.begin() as session:
        return {event.kind: event.data for event in job_queue.events_after(session, id, 0, 500)}


def _losses(transfer: Transfer) -> list[float]:
    assert transfer.result is not None
    return [line["train_loss"] for line in transfer.result["history"]]


def _pid_of_the_task(label: str) -> int:
    """Ray names the process after the task that runs in it."""
    for process in Path("/proc").glob("[0-9]*"):
        if (process / "cmdline").read_bytes().startswith(f"ray::{label}".encode()):
            return int(process.name)
    raise AssertionError(f"no process of the task {label}")
