"""Babelport as its users start it, `babelport up`, with the engine that is to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from app.cli.ports import free_port
from app.client import Client
from benchmarks.serving.dialects import OURS
from benchmarks.serving.served_model import make_models
from benchmarks.serving.server import Server, Start

_ROOT = Path(__file__).parents[2]
TORCH, FLOAT32, DEFAULT = "ours-torch", "ours-float32", "ours"
# What a user would set to have the same; the third is what nobody sets anything for.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    TORCH: {"BABELPORT_SERVING_ENGINE": "torch", "BABELPORT_SERVING_PRECISION": "float32"},
    FLOAT32: {"BABELPORT_SERVING_PRECISION": "float32"},
    DEFAULT: {},
}


def start_of_ours(variant: str, prepared: Path, folder: Path) -> Start:
    """How a service of its own is started on a copy of what was prepared."""
    data = folder / "data"
    if not data.exists():
        shutil.copytree(prepared / "service" / "data", data, copy_function=_copy)
    return _start(variant, data, folder, VARIANTS[variant])


def prepare(data: Path, folder: Path) -> Path:
    """The model's directory in `folder`, with the service's data beside it; made once."""
    model = folder / "topics"
    if not model.exists():
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / "service"
        shutil.rmtree(place, ignore_errors=True)
        start = _start("preparing", place / "data", place, {"BABELPORT_ADVICE_SECONDS": "0"})
        with Server(start) as server, Client(server.url) as client:
            server.wait_until_ready("/ready")
            made = make_models(client, data, folder / "making")
        made.rename(model)
        shutil.rmtree(folder / "making")
    return model


def _start(name: str, data: Path, folder: Path, chosen: Mapping[str, str]) -> Start:
    port = free_port("127.0.0.1", 8300)
    environment = {
        "BABELPORT_DATA_DIR": str(data),
        "BABELPORT_DATABASE_URL": "",
        "BABELPORT_PORT": str(port),
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "app.cli.main", "up"]
    url = f"http://127.0.0.1:{port}"
    about: dict[str, object] = dict(chosen)
    return Start(name, command, environment | chosen, folder, url, OURS, about)


def _copy(source: str, target: str) -> None:
    """Artifacts never change and may be shared; the database may not."""
    if ".sqlite" in Path(source).name:
        shutil.copy2(source, target)
    else:
        os.link(source, target)
