"""Encoders of a hub, fetched by the library's own code from a hub on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.hub import a_hub
from tests.support.models import an_encoder

_CODE = """
import sys
from pathlib import Path
from app.domain.errors import BabelportError
from app.services.transfers.inputs import download_encoder
try:
    print(download_encoder(sys.argv[1], Path(sys.argv[2])))
except BabelportError as error:
    print(error.code, error)
"""


def _download(hub: str, name: str, folder: Path) -> str:
    """What a fresh process says: the library reads the hub's address when it is imported."""
    command = [sys.executable, "-c", _CODE, name, str(folder)]
    environment = os.environ | {"HF_ENDPOINT": hub, "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment["HF_HUB_OFFLINE"] = "0"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_model_is_fetched_once_and_without_files_that_run_code(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04 a pickle")
    with a_hub({"team/encoder": folder}) as hub:
        found = Path(_download(hub, "team/encoder", tmp_path / "cache"))
        again = Path(_download(hub, "team/encoder", tmp_path / "cache"))
    assert found == again
    names = {path.name for path in found.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "head.json"} <= names
    assert "pytorch_model.bin" not in names
    weights = "model.safetensors"
    assert (found / weights).read_bytes() == (folder / weights).read_bytes()


def test_a_model_that_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    with a_hub({}) as hub:
        output = _download(hub, "team/absent", tmp_path / "cache")
    assert output.startswith("hub-model-unavailable")
    assert "team/absent" in output


def test_a_model_without_safetensors_is_refused(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder")
    (folder / "model.safetensors").unlink()
    with a_hub({"team/encoder": folder}) as hub:
        output = _download(hub, "team/encoder", tmp_path / "cache")
    assert output.startswith("hub-model-unavailable")
    assert "safetensors" in output


def test_a_hub_that_is_not_reached_is_said_so(tmp_path: Path) -> None:
    with a_hub({}) as hub:
        pass
    assert _download(hub, "team/encoder", tmp_path / "cache").startswith("hub-model-unavailable")
