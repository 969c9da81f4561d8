"""A transfer that finds no room, or damaged bytes, ends by an error that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.enums import Role
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.services.context import Context, open_context
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import models, transfers
from tests.support.claimed_transfers import a_claimed_transfer
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.small_disks import fill

PARAMETERS = {"strategy": "full", "max_steps": 3, "batch_size": 16}


def _claimed(folder: Path, context: Context) -> Transfer:
    classifier = a_text_classifier(folder / "classifier", labels=LABELS)
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    return a_claimed_transfer(context, classifier, rows, LABELS, parameters=PARAMETERS)


def _context(data_dir: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(
        data_dir=data_dir, database_url=url, checkpoint_seconds=0, advice_seconds=0, max_attempts=1
    )
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    return open_context(settings)


def _failure(context: Context, transfer: Transfer) -> dict:
    run_transfer(transfer.id, transfer.attempt)
    with context.readers.begin() as session:
        done = transfers.get(session, transfer.id)
    assert done is not None
    assert done.state is JobState.FAILED
    assert done.failure is not None
    return done.failure


@pytest.mark.parametrize("leaving", [0, 60_000, 250_000])
def test_a_transfer_that_finds_no_room_says_so_and_leaves_nothing_half_written(
    small_disk: Path, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, leaving: int
) -> None:
    context = _context(small_disk / "var", sqlite_url, monkeypatch)
    transfer = _claimed(tmp_path, context)
    before = {one.digest for one in context.artifacts.stored()}
    fill(small_disk, leaving)
    assert _failure(context, transfer)["code"] == "disk-full"
    assert list(small_disk.rglob("*.part")) == []
    assert list(context.artifacts.temporary.iterdir()) == []
    assert {one.digest for one in context.artifacts.stored()} == before


def test_a_transfer_of_damaged_bytes_names_them(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = _context(tmp_path / "var", sqlite_url, monkeypatch)
    transfer = _claimed(tmp_path, context)
    with context.readers.begin() as session:
        model = models.get(session, transfer.spec.model_id)
    assert model is not None
    file = context.artifacts.path(str(model.sha256))
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    failure = _failure(context, transfer)
    assert failure["code"] == "artifact-corrupted"
    assert failure["fields"]["sha256"] == model.sha256
