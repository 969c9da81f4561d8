"""Bridges and kept heads that cannot be used, and what is said of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.domain.errors import RejectedFile
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from tests.support.bridged_models import a_bridged_classifier, a_bridged_encoder

Change = Callable[[Path], Any]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    a_bridged_encoder(folder / "linear")
    a_bridged_classifier(folder / "kept")
    return folder


def written(name: str, **values: Any) -> Change:
    """Change fields of a JSON file."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8")) | values
        (folder / name).write_text(json.dumps(content), encoding="utf-8")

    return change


def weights(name: str, **tensors: torch.Tensor) -> Change:
    """Change tensors of a file."""

    def change(folder: Path) -> None:
        content = load_file(folder / name) | tensors
        (folder / name).unlink()
        save_file(content, folder / name)

    return change


@pytest.mark.parametrize(
    ("model", "change", "code"),
    [
        ("linear", lambda folder: (folder / "bridge.safetensors").unlink(), "model-file-missing"),
        ("linear", written("bridge.json", languages=["en"]), "weights-do-not-fit"),
        ("linear", written("bridge.json", languages=["en", "en"]), "weights-do-not-fit"),
        ("linear", written("bridge.json", map=False), "weights-do-not-fit"),
        ("linear", written("bridge.json", more=1), "model-file-invalid"),
        ("linear", weights("bridge.safetensors", bias=torch.zeros(3)), "weights-do-not-fit"),
        ("linear", written("head.json", reads={"pooler_output": [1, 24]}), "model-file-invalid"),
        ("kept", written("head_config.json", auto_map={"AutoModel": "a.B"}), "format-runs-code"),
        ("kept", written("head_config.json", model_type="unheard-of"), "model-file-invalid"),
        ("kept", written("head.json", labels=["yes", "no"]), "model-file-invalid"),
        ("kept", written("head.json", reads={"a": [1, 10**9]}), "model-file-invalid"),
        ("kept", weights("head.safetensors", more=torch.zeros(3)), "weights-do-not-fit"),
        ("kept", lambda folder: (folder / "head_config.json").unlink(), "model-file-invalid"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_code(
    originals: Path, tmp_path: Path, model: str, change: Change, code: str
) -> None:
    folder = Path(shutil.copytree(originals / model, tmp_path / model))
    change(folder)
    with pytest.raises(RejectedFile) as refused:
        HuggingFaceFormat().inspect(folder, ModelHints())
    assert refused.value.code == code
    assert refused.value.advice
