"""A transfer whose first attempt ended on another machine, with a bucket between the two."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.artifacts.disk import sha256_of
from app.artifacts.s3 import Bucket
from app.domain.enums import Role
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.learn.callbacks import Cancelled
from app.learn.training.checkpointing import CheckpointFolder
from app.services.context import Context, open_context
from app.services.jobs import SharedCheckpoints, checkpoint_folder, drop_checkpoints
from app.services.transfers.run import compute_outcome, open_checkpoints, run_transfer
from app.settings import Settings
from app.store import job_queue, models, transfers
from tests.services.test_resuming import PARAMETERS, Interrupted
from tests.support.claimed_transfers import a_claimed_transfer, the_same_again
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.s3_server import S3Server


@pytest.fixture
def machines(tmp_path: Path, sqlite_url: str, s3: S3Server) -> tuple[Context, Context]:
    """Two contexts that share a database and a bucket, and no folder."""
    at = {"artifacts_url": s3.url, "artifacts_endpoint": s3.endpoint, "database_url": sqlite_url}
    here, there = (
        Settings(data_dir=tmp_path / name, checkpoint_seconds=0, advice_seconds=0, **at)
        for name in ("here", "there")
    )
    return open_context(here), open_context(there)


def _never() -> bool:
    return False


def _run(context: Context, transfer: Transfer, monkeypatch: pytest.MonkeyPatch) -> Transfer:
    seldom = context.settings.model_copy(update={"checkpoint_seconds": 1e9})
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: seldom)
    run_transfer(transfer.id, transfer.attempt)
    with context.readers.begin() as session:
        done = transfers.get(session, transfer.id)
    assert done is not None
    assert done.state is JobState.SUCCEEDED, done.failure
    return done


def _made(context: Context, transfer: Transfer) -> str:
    """The digest of the model that the transfer made, read on this machine."""
    with context.readers.begin() as session:
        model = models.get(session, str(transfer.model_id))
    assert model is not None
    assert context.artifacts.path(str(model.sha256)).stat().st_size
    return str(model.sha256)


def test_an_attempt_on_another_machine_goes_on_and_makes_the_same_model(
    machines: tuple[Context, Context],
    s3: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = machines
    folder = a_text_classifier(tmp_path / "classifier", labels=LABELS)
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    whole = a_claimed_transfer(here, folder, rows, LABELS, parameters=PARAMETERS)
    expected = _run(here, whole, monkeypatch)
    again = the_same_again(here, whole)
    with here.artifacts.workspace() as workspace, pytest.raises(Cancelled):
        compute_outcome(here, again, Interrupted(), workspace)
    drop_checkpoints(there)
    assert list((s3.folder / "checkpoints" / again.id).iterdir())

    done = _run(there, again, monkeypatch)
    with there.readers.begin() as session:
        told = job_queue.events_after(session, again.id, 0, 500)
    resumed = [event.data for event in told if event.kind == "resumed"]
    assert [(event["stage"], event["step"]) for event in resumed] == [("all", 12)]
    assert done.result is not None
    assert expected.result is not None
    assert done.result["history"] == expected.result["history"]
    assert _made(here, done) == _made(there, expected)

    drop_checkpoints(here)
    assert not any(path.is_file() for path in (s3.folder / "checkpoints").rglob("*"))
    assert not checkpoint_folder(here.settings, again.id, again.attempt).parent.exists()


def _saved(context: Context, attempt: int, step: int) -> None:
    _opened(context, attempt).save("a", {"w": torch.ones(3)}, {"step": step})


def _found(context: Context, attempt: int) -> int | None:
    state = _opened(context, attempt).load("a")
    return None if state is None else int(state[1]["step"])


def _opened(context: Context, attempt: int) -> CheckpointFolder:
    return open_checkpoints(context, "trf_1", attempt, _never)


def test_the_newest_state_counts_whichever_machine_saved_it(
    machines: tuple[Context, Context],
) -> None:
    here, there = machines
    _saved(here, attempt=1, step=1)
    assert _found(there, attempt=2) == 1
    _saved(there, attempt=2, step=2)
    assert _found(here, attempt=3) == 2


def test_an_attempt_that_lost_its_lease_overwrites_nothing_of_a_later_one(
    machines: tuple[Context, Context],
) -> None:
    here, there = machines
    stale = _opened(here, attempt=1)
    stale.save("a", {"w": torch.ones(3)}, {"step": 1})
    _saved(there, attempt=2, step=2)
    stale.save("a", {"w": torch.ones(3)}, {"step": 7})
    assert _found(there, attempt=2) == 2
    assert _found(here, attempt=3) == 2


def test_the_bucket_keeps_one_copy_of_a_state(
    machines: tuple[Context, Context], s3: S3Server
) -> None:
    here, _ = machines
    for attempt in (1, 2, 3):
        _saved(here, attempt, step=attempt)
    kept = [path for path in (s3.folder / "checkpoints").rglob("a.safetensors") if path.is_file()]
    assert [path.parent.name for path in kept] == ["3"]


def test_a_damaged_state_is_not_taken_up(machines: tuple[Context, Context], s3: S3Server) -> None:
    here, there = machines
    _saved(here, attempt=1, step=1)
    file = checkpoint_folder(here.settings, "trf_1", 1) / "a.safetensors"
    other = file.with_name("other")
    other.write_bytes(file.read_bytes()[:-1] + b"!")
    noted = sha256_of(file)
    Bucket(s3.url, s3.endpoint).put("checkpoints/trf_1/1/a.safetensors", other, noted)
    assert _found(there, attempt=2) is None
    assert list(checkpoint_folder(there.settings, "trf_1", 2).iterdir()) == []
    assert _found(here, attempt=3) == 1


def test_a_bucket_out_of_reach_costs_the_copy_and_never_the_training(tmp_path: Path) -> None:
    nowhere = SharedCheckpoints(Bucket("s3://babelport/x", "http://127.0.0.1:9"), "trf_1", 1)
    kept = CheckpointFolder(tmp_path, 0, on_saved=nowhere.share)
    kept.save("a", {"w": torch.ones(3)}, {"step": 1})
    nowhere.fetch(tmp_path, {})
    found = kept.load("a")
    assert found is not None
    assert found[1] == {"step": 1}
