"""Babelport as its users start it, `babelport up`, with the engine that is to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.cli.processes import free_port
from app.client import Client
from benchmarks.serving.dialects import OURS
from benchmarks.serving.served_model import make_models, register_model
from benchmarks.serving.server import Server, Start

_ROOT = Path(__file__).parents[2]
_PREPARED, _PREPARED_FLOAT32 = "service", "service-float32"
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
        source = prepared / (_PREPARED_FLOAT32 if variant == FLOAT32 else _PREPARED) / "data"
        shutil.copytree(source, data, copy_function=_copy)
    return _start(variant, data, folder, VARIANTS[variant])


def prepare(data: Path, folder: Path) -> Path:
    """The model's directory in `folder`, with the data of two services beside it; made once.

    What is compiled depends on whether precision may be reduced, so a service that must keep
    float32 compiles the same model for itself.
    """
    model = folder / "topics"
    if not model.exists():
        for name in (_PREPARED, _PREPARED_FLOAT32, "making", "servers"):
            shutil.rmtree(folder / name, ignore_errors=True)
        making = folder / "making"
        making.mkdir(parents=True)
        with _preparing(folder / _PREPARED, {}) as client:
            made = make_models(client, data, making)
        with _preparing(folder / _PREPARED_FLOAT32, VARIANTS[FLOAT32]) as client:
            register_model(client, made)
        made.rename(model)
        shutil.rmtree(making)
    return model


@contextmanager
def _preparing(folder: Path, chosen: Mapping[str, str]) -> Iterator[Client]:
    start = _start(
        "preparing", folder / "data", folder, {"BABELPORT_ADVICE_SECONDS": "0", **chosen}
    )
    with Server(start) as server, Client(server.url) as client:
        server.wait_until_ready("/ready")
        yield client


def _start(name: str, data: Path, folder: Path, chosen: Mapping[str, str]) -> Start:
    # Of its own for each variant, since all are chosen before the first of them listens.
    port = free_port("127.0.0.1", 8300 + [*VARIANTS, name].index(name))
    environment = {
        "BABELPORT_DATA_DIR": str(data),
        "BABELPORT_DATABASE_URL": "",
        "BABELPORT_PORT": str(port),
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "app.cli.main", "up"]
    url = f"http://127.0.0.1:{port}"
    about: dict[str, object] = dict(chosen)
    return Start(name, command, {**environment, **chosen}, folder, url, OURS, about)


def _copy(source: str, target: str) -> None:
    """Artifacts never change and may be shared; the database may not."""
    if ".sqlite" in Path(source).name:
        shutil.copy2(source, target)
    else:
        os.link(source, target)
