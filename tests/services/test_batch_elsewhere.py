"""A batch prediction whose first attempt ended on another machine, with a bucket between."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.learn.callbacks import Cancelled
from app.services.context import Context, open_context
from app.services.jobs import drop_checkpoints
from app.services.predict_batch import predict_dataset
from app.settings import Settings
from app.store import batch_predictions
from tests.support.batch_jobs import a_queued_batch
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.s3_server import S3Server


@pytest.fixture
def machines(tmp_path: Path, sqlite_url: str, s3: S3Server) -> tuple[Context, Context]:
    """Two contexts that share a database and a bucket, and no folder."""
    at = {"artifacts_url": s3.url, "artifacts_endpoint": s3.endpoint, "database_url": sqlite_url}
    here, there = (
        Settings(data_dir=tmp_path / name, batch_part_rows=10, **at) for name in ("here", "there")
    )
    return open_context(here), open_context(there)


class Interruption:
    """Notes how far the work is, and ends it after so many parts."""

    def __init__(self, parts: int | None = None) -> None:
        self.begun: list[int] = []
        self._parts = parts

    def __call__(self, rows_done: int) -> None:
        if len(self.begun) == self._parts:
            raise Cancelled
        self.begun.append(rows_done)


def test_an_attempt_on_another_machine_goes_on_and_the_file_is_the_same(
    machines: tuple[Context, Context], tmp_path: Path
) -> None:
    here, there = machines
    folder = a_text_classifier(tmp_path / "classifier", labels=LABELS)
    batch = a_queued_batch(here, folder, labelled_examples(45), LABELS)
    with pytest.raises(Cancelled):
        predict_dataset(here, batch, Interruption(parts=3), tmp_path / "none")
    later = Interruption()
    predict_dataset(there, batch, later, tmp_path / "resumed")
    assert later.begun == [30, 40, 45]
    assert pq.read_metadata(tmp_path / "resumed").num_rows == 45

    shared = here.artifacts.shared
    assert shared is not None
    assert list(shared.keys("checkpoints"))
    with here.sessions.begin() as session:
        batch_predictions.cancel(session, batch.id)
    drop_checkpoints(there)
    drop_checkpoints(here)
    assert list(shared.keys("checkpoints")) == []

    calm = Interruption()
    predict_dataset(here, batch, calm, tmp_path / "calm")
    assert calm.begun == [0, 10, 20, 30, 40, 45]
    assert (tmp_path / "calm").read_bytes() == (tmp_path / "resumed").read_bytes()
