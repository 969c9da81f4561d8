"""The API's own process stays light: it takes data and a job without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.datasets import a_csv

_ROOT = Path(__file__).parents[2]
_ACCEPTS_A_JOB = """
import sys
from pathlib import Path
from app.settings import Settings
from app.store import models
from tests.support.records import a_model
from tests.support.service import running_service

folder, url, file = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
with running_service(Settings(data_dir=folder, database_url=url)) as service:
    model = a_model()
    with service.context.sessions.begin() as session:
        models.insert(session, model)
    dataset = service.client.datasets.upload(file, "de")
    made = service.client.transfers.start(
        model.id, "de", {"train": dataset["id"]}, "fine-tune"
    )
    assert made["state"] == "queued"
heavy = {"torch", "transformers", "sklearn", "onnx"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_api_takes_a_job_without_importing_torch(tmp_path: Path, one_database_url: str) -> None:
    rows = [(f"Satz {i}", ("yes", "no")[i % 2], str(i)) for i in range(20)]
    file = a_csv(tmp_path / "a.csv", rows)
    done = subprocess.run(
        [sys.executable, "-c", _ACCEPTS_A_JOB, str(tmp_path / "var"), one_database_url, str(file)],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
