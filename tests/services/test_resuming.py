"""A transfer whose first attempt did not come to its end."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import Role
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.learn.callbacks import Cancelled, NullMonitor
from app.learn.training.checkpointing import CheckpointFolder
from app.services.context import Context, open_context
from app.services.jobs import checkpoint_folder, drop_checkpoints
from app.services.transfers.progress import DatabaseReporter
from app.services.transfers.run import compute_outcome, open_checkpoints, run_transfer
from app.settings import Settings
from app.store import job_queue, models, transfers
from tests.support.claimed_transfers import a_claimed_transfer, the_same_again
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier

PARAMETERS = {"strategy": "lp-ft", "max_steps": 20, "learning_rate": 0.003, "batch_size": 16}


class Interrupted(NullMonitor):
    """Ends the computation at step 12 of the second stage."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Raise where it is time."""
        if phase == "training every parameter" and facts.get("step") == 12:
            raise Cancelled


class _StopsAtStep(DatabaseReporter):
    """Asks its process to stop in the middle of the second stage."""

    def __init__(self, context: Context, transfer: Transfer, stopping: threading.Event) -> None:
        super().__init__(context, transfer, stopping)
        self._asks = stopping
        self.asked_at = 7

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Ask where it is time."""
        if phase == "training every parameter" and facts.get("step") == self.asked_at:
            self._asks.set()
        super().progress(phase, fraction, **facts)


@pytest.fixture
def context(tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(
        data_dir=tmp_path / "var",
        database_url=one_database_url,
        checkpoint_seconds=0,
        advice_seconds=0,
    )
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    return open_context(settings)


@pytest.fixture
def started(context: Context, tmp_path: Path) -> Transfer:
    folder = a_text_classifier(tmp_path / "classifier", labels=LABELS)
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    return a_claimed_transfer(context, folder, rows, LABELS, parameters=PARAMETERS)


def _run(context: Context, transfer: Transfer) -> Transfer:
    run_transfer(transfer.id, transfer.attempt)
    with context.readers.begin() as session:
        done = transfers.get(session, transfer.id)
    assert done is not None
    assert done.state is JobState.SUCCEEDED, done.failure
    return done


def _interrupt(context: Context, transfer: Transfer) -> None:
    with context.artifacts.workspace() as workspace, pytest.raises(Cancelled):
        compute_outcome(context, transfer, Interrupted(), workspace)


def _model_digest(context: Context, transfer: Transfer) -> str | None:
    with context.readers.begin() as session:
        model = models.get(session, str(transfer.model_id))
    assert model is not None
    return model.sha256


def test_another_attempt_goes_on_where_the_first_was_and_makes_the_same_model(
    context: Context, started: Transfer
) -> None:
    whole = _run(context, started)
    again = the_same_again(context, started)
    _interrupt(context, again)
    done = _run(context, again)
    with context.readers.begin() as session:
        told = job_queue.events_after(session, again.id, 0, 500)
    resumed = [event.data for event in told if event.kind == "resumed"]
    assert [(event["stage"], event["step"]) for event in resumed] == [("all", 12)]
    assert done.result is not None
    assert whole.result is not None
    assert done.result["history"] == whole.result["history"]
    assert _model_digest(context, done) == _model_digest(context, whole)


def test_a_process_asked_to_stop_saves_its_state_and_the_next_attempt_loses_nothing(
    context: Context, started: Transfer
) -> None:
    """With a pause between saves that never ends, only the asking makes it save."""
    whole = _run(context, started)
    again = the_same_again(context, started)
    seldom = replace(
        context, settings=context.settings.model_copy(update={"checkpoint_seconds": 1e9})
    )
    stopping = threading.Event()
    stops = _StopsAtStep(seldom, again, stopping)
    with seldom.artifacts.workspace() as workspace, pytest.raises(Cancelled):
        compute_outcome(seldom, again, stops, workspace, stopping.is_set)
    done = _run(context, again)
    with context.readers.begin() as session:
        told = job_queue.events_after(session, again.id, 0, 500)
    [resumed] = [event.data for event in told if event.kind == "resumed"]
    assert resumed["step"] == stops.asked_at + 1
    assert _model_digest(context, done) == _model_digest(context, whole)


def test_what_training_kept_goes_when_the_transfer_is_over_and_not_before(
    context: Context, started: Transfer
) -> None:
    kept = checkpoint_folder(context.settings, started.id, started.attempt)
    unknown = checkpoint_folder(context.settings, "trf_of_another_database", 1)
    unknown.mkdir(parents=True)
    _interrupt(context, started)
    drop_checkpoints(context)
    assert kept.is_dir()
    assert not unknown.parent.exists()
    _run(context, started)
    later = checkpoint_folder(context.settings, started.id, started.attempt + 1)
    later.mkdir()
    (later / "state").write_text("of an attempt that began while the folders were deleted")
    drop_checkpoints(context)
    assert not kept.exists()
    assert list(later.iterdir())


def _opened(context: Context, attempt: int) -> CheckpointFolder:
    return open_checkpoints(context, "trf_1", attempt, lambda: False)


def _step(folder: CheckpointFolder, name: str) -> int | None:
    state = folder.load(name)
    return None if state is None else int(state[1]["step"])


def test_an_attempt_goes_on_from_the_newest_of_the_earlier_ones_and_writes_beside_them(
    context: Context,
) -> None:
    first = _opened(context, 1)
    first.save("head", {}, {"step": 1})
    first.save("all", {}, {"step": 1})
    second = _opened(context, 2)
    second.save("all", {}, {"step": 2})
    first.save("all", {}, {"step": 9})  # it lost its lease and does not know it yet
    first.save("head", {}, {"step": 9})
    assert (_step(second, "head"), _step(second, "all")) == (1, 2)
    third = _opened(context, 3)
    assert (_step(third, "head"), _step(third, "all")) == (1, 2)
    assert [path.name for path in _folder_of(context).iterdir()] == ["3"]


def test_an_attempt_that_begins_late_deletes_nothing_of_a_later_one(context: Context) -> None:
    _opened(context, 2).save("all", {}, {"step": 2})
    late = _opened(context, 1)
    assert _step(late, "all") is None
    assert _step(_opened(context, 2), "all") == 2


def _folder_of(context: Context) -> Path:
    return checkpoint_folder(context.settings, "trf_1", 0).parent
