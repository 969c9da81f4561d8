"""Stored bytes that are damaged: named to whoever asks for them, and given to nobody."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app.client import BabelportProblem
from tests.support.datasets import a_csv, labelled_rows
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.service import Service


def _damage(service: Service, digest: str) -> Path:
    """Change one bit, as a disk would, without touching the file's size."""
    file = service.context.artifacts.path(digest)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file


def test_a_damaged_model_is_given_to_nobody_until_it_is_mended(
    service: Service, tmp_path: Path
) -> None:
    upload = zipped(a_text_classifier(tmp_path / "intents"))
    model = service.client.models.upload(upload, name="intents", language="en")
    file = _damage(service, model["sha256"])
    answer = httpx2.get(f"{service.url}/v1/models/intents/artifact")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "artifact-corrupted")
    assert model["sha256"] in body["detail"]
    assert "backup" in body["advice"]

    # The predictor reads the unpacked copy: one that is damaged is made again, if it can be.
    [weights] = (file.parents[2] / "unpacked" / model["sha256"]).rglob("*.safetensors")
    content = weights.read_bytes()
    weights.write_bytes(content[:-4] + b"\0\0\0\1")
    with pytest.raises(BabelportProblem, match="artifact-corrupted") as refused:
        service.client.predict("intents", [SENTENCES[0]])
    assert model["sha256"] in str(refused.value)
    file.write_bytes(upload.read_bytes())
    assert service.client.predict("intents", [SENTENCES[0]])["predictions"]
    assert weights.read_bytes() == content


def test_rows_of_a_damaged_dataset_are_not_shown(service: Service, tmp_path: Path) -> None:
    file = a_csv(tmp_path / "rows.csv", labelled_rows(30, "de"))
    dataset = service.client.datasets.upload(file, "de")
    _damage(service, dataset["sha256"])
    with pytest.raises(BabelportProblem) as refused:
        service.client.datasets.preview(dataset["id"])
    assert (refused.value.status, refused.value.code) == (500, "artifact-corrupted")
