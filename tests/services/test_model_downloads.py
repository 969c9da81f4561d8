"""A text classifier downloaded as ONNX answers as the network does, with nothing of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from app.domain.errors.downloads import ExportBusy, ExportUnsupported
from app.services import model_downloads
from app.services.context import Context, open_context
from app.services.model_downloads import onnx_of
from app.settings import Settings
from tests.support.bridged_models import (
    a_bridged_classifier,
    a_bridged_encoder,
    a_centred_classifier,
    read_network,
)
from tests.support.claimed_transfers import store_model
from tests.support.models import SENTENCES, a_label_set_classifier, a_token_classifier, an_encoder

_BUILDERS: dict[str, Callable[[Path], Path]] = {
    "bridged encoder": a_bridged_encoder,
    "bridged classifier": a_bridged_classifier,
    "centred classifier": a_centred_classifier,
    "label sets": a_label_set_classifier,
}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return open_context(Settings(data_dir=tmp_path / "var"))


@pytest.mark.parametrize("name", _BUILDERS)
def test_the_code_of_the_readme_answers_as_the_network_does(
    name: str, context: Context, tmp_path: Path
) -> None:
    folder = _BUILDERS[name](tmp_path / "model")
    file, filename = onnx_of(context, store_model(context, folder))
    assert filename == "tickets-1-onnx.zip"
    found = _answers_by_its_readme(file, tmp_path / "elsewhere")
    network = read_network(folder)
    with torch.no_grad():
        logits = network(network.collate(list(SENTENCES)))
    assert network.labels == tuple(found[0])
    own = network.objective.probabilities(logits).numpy()
    assert np.abs(np.array([list(row.values()) for row in found]) - own).max() < 1e-4


def test_an_export_is_made_once(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    first, _ = onnx_of(context, model)
    monkeypatch.setattr(model_downloads, "_make", lambda *_: pytest.fail("made again"))
    assert onnx_of(context, model)[0] == first


def test_one_export_is_made_at_a_time(context: Context, tmp_path: Path) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    with model_downloads._turn, pytest.raises(ExportBusy):
        onnx_of(context, model)


@pytest.mark.parametrize("build", [a_token_classifier, an_encoder])
def test_what_gives_no_logits_for_a_text_is_refused(
    build: Callable[[Path], Path], context: Context, tmp_path: Path
) -> None:
    with pytest.raises(ExportUnsupported):
        onnx_of(context, store_model(context, build(tmp_path / "model")))


def _answers_by_its_readme(file: Path, folder: Path) -> list[dict[str, float]]:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)
    code = re.sub(r"texts = \[.*\]", f"texts = {list(SENTENCES)!r}", code)
    printed = (
        "\nimport sys\nassert not any(n.split('.')[0] in ('app', 'torch') for n in sys.modules)"
    )
    program = f"{code}{printed}\nprint(json.dumps(answers))"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, float]] = json.loads(done.stdout)
    return answers
