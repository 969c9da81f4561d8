"""The model that all servers serve: the starter encoder with a head, out of two transfers."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from app.artifacts.archive import pack, unpack
from app.client import Client
from app.domain.enums import Format
from app.domain.models import ModelHints
from app.formats.catalog import format_named
from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.devices import seeded
from app.learn.network import Network
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from app.settings import Settings, settings
from benchmarks.serving.dialects import MODEL
from benchmarks.sib200_data import read_languages

_GERMAN = "deu_Latn"
_SEED = 0
_COMPILED_SECONDS = 900.0
_LIMIT = Settings().max_unpacked_bytes, Settings().max_archive_members


def make_models(client: Client, data: Path, folder: Path) -> Path:
    """Register an English classifier and take it to German twice; a directory of version 1.

    The two versions of `topics` come from two seeds. Each is an ordinary transfer of the head, so
    that the service compiles it and checks it on its own test rows. The directory is what the
    peers read: the very file of version 1.
    """
    archive = _english_classifier(data, folder)
    source = client.models.upload(archive, name=f"{MODEL}-english", language="en")["id"]
    datasets = {part: _upload(client, data, part) for part in ("train", "test")}
    for seed in (_SEED, _SEED + 1):
        started = client.transfers.start(
            source,
            "de",
            datasets,
            "fine-tune",
            name=MODEL,
            parameters={"strategy": "head"},
            seed=seed,
        )
        ended = client.transfers.wait(started["id"])
        if ended["state"] != "succeeded":
            raise SystemExit(f"the transfer of the served model {ended['state']}: {ended}")
    _wait_until_compiled(client)
    return _download(client, f"{MODEL}@1", folder)


def register_model(client: Client, model: Path) -> None:
    """Register the same model from its directory, for a service that compiles it otherwise."""
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "topics.zip"
        pack(model, archive)
        client.models.upload(archive, name=MODEL, language="de")
    _wait_until_compiled(client)


def _wait_until_compiled(client: Client) -> None:
    """Return when nothing is left to compile, so that no worker computes later on."""
    deadline = time.monotonic() + _COMPILED_SECONDS
    while time.monotonic() < deadline:
        listed = client.models.list()["items"]
        if all(one.get("serving", "nothing to wait for") is not None for one in listed):
            return
        time.sleep(0.5)
    raise SystemExit("the models were never compiled")


def _english_classifier(data: Path, folder: Path) -> Path:
    labels, languages = read_languages(data)
    starter = starter_encoder(settings().data_dir)
    layout = format_named(Format.HUGGINGFACE)
    facts = layout.inspect(starter, ModelHints())
    network: Network = layout.load(starter, facts)
    with seeded(_SEED):
        network.add_head(labels)
    parameters = FineTuneParameters(strategy=Strategy.HEAD)
    given = MethodInput(network, parameters, languages[0].train, seed=_SEED)
    layout.save(fine_tune(given, NullMonitor()).network, facts, folder / "english")
    pack(folder / "english", folder / "english.zip")
    return folder / "english.zip"


def _upload(client: Client, data: Path, part: str) -> str:
    file = data / _GERMAN / f"{part}.tsv"
    name = f"{_GERMAN}-{part}"
    columns = {"text": "text", "label": "category", "group": "index_id"}
    return str(client.datasets.upload(file, language="de", name=name, **columns)["id"])


def _download(client: Client, model: str, folder: Path) -> Path:
    archive, unpacked = folder / "topics.zip", folder / "topics"
    client.models.download(model, archive)
    unpack(archive, unpacked, *_LIMIT)
    return unpacked
