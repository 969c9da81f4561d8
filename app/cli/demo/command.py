"""`babelport demo`: the whole way of a model into another language, as a user would go it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from app.cli.demo.english_classifier import train_english_classifier
from app.cli.demo.journey import upload_and_transfer
from app.cli.demo.report import (
    print_addresses,
    print_evaluations,
    print_files,
    print_predictions,
)
from app.cli.demo.sentences import MODEL_FILE, draw_sentences
from app.cli.migrate import migrate
from app.cli.ports import free_port
from app.cli.running import running_service
from app.cli.steps import CONSOLE, step
from app.client import Client
from app.settings import Settings, settings

_SHOWN_PREDICTIONS = 8


def demo(
    language: Annotated[str, typer.Argument(help="Target language: de, fr, hi, zh-CN ...")] = "de",
    keep: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Leave the model and the data in this folder, as the files that README sends.",
        ),
    ] = None,
) -> None:
    """Move an English intent classifier into another language, over HTTP, and score it."""
    chosen = _settings_with_free_port()
    logs = chosen.data_dir / "demo"
    logs.mkdir(parents=True, exist_ok=True)
    sentences = draw_sentences(language)
    shown = Random(0).sample(sentences.target.test, _SHOWN_PREDICTIONS)
    migrate()
    starter = _build_starter(chosen)
    with _folder(keep, logs) as folder, running_service(chosen, logs) as service:
        with step("Training what a user already has: an English intent classifier") as progress:
            model_file = folder / MODEL_FILE
            accuracy = train_english_classifier(starter, sentences.english, model_file, progress)
        CONSOLE.print(f"  its accuracy on English test rows: {accuracy:.3f}", highlight=False)
        with Client(service.url) as client:
            files = sentences.write(folder)
            transfer = upload_and_transfer(client, language, model_file, files)
            print_evaluations(client, transfer, language)
            print_predictions(client, transfer["model_id"], shown)
            print_addresses(service.url, transfer)
        if keep is not None:
            print_files([model_file, *files.values()])


@contextmanager
def _folder(keep: Path | None, scratch: Path) -> Iterator[Path]:
    """Where the files of the demo lie: `keep`, made where it is missing, or gone afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory(dir=scratch) as folder:
        yield Path(folder)


def _settings_with_free_port() -> Settings:
    """A service that runs already (`make up`) keeps its port; the demo takes another."""
    configured = settings()
    port = free_port(configured.host, configured.port)
    return configured.model_copy(update={"port": port})


def _build_starter(chosen: Settings) -> Path:
    from app.formats.starter.build import starter_encoder

    with step("Building the starter encoder") as progress:
        return starter_encoder(chosen.data_dir, progress)
