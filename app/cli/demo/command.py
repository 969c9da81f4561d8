"""`babelport demo`: carries a model into another language over HTTP, as a user would."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.demo.english_classifier import train_english_classifier
from app.cli.demo.report import print_addresses, print_evaluations, print_files, print_predictions
from app.cli.demo.sentences import MODEL_FILE, SOURCE_LANGUAGE, draw_sentences
from app.cli.maintenance import migrate
from app.cli.processes import free_port, running_service
from app.cli.progress import CONSOLE, step
from app.client import Client
from app.domain.errors.service import DemoTransferFailed
from app.settings import Settings, settings

_SHOWN_PREDICTIONS = 8
_METHOD = "joint"
# The body stays as it is, so that the demo takes seconds; `lp-ft` is better and takes minutes.
_PARAMETERS = {"strategy": "head"}
_NAME = "home-intents"


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
    from app.formats.starter_encoder import starter_encoder

    with step("Building the starter encoder") as progress:
        return starter_encoder(chosen.data_dir, progress)


def upload_and_transfer(
    client: Client, language: str, model_file: Path, files: Mapping[str, Path]
) -> dict[str, Any]:
    """Register the English model and the data by role, transfer, wait; returns the transfer.

    Raises BabelportProblem and DemoTransferFailed.
    """
    with step("Uploading the English model"):
        model = client.models.upload(model_file, name=_NAME, language=SOURCE_LANGUAGE)
    with step("Uploading the sentences") as progress:
        datasets: dict[str, str] = {}
        for role, file in files.items():
            spoken = SOURCE_LANGUAGE if role.startswith("source") else language
            uploaded = client.datasets.upload(file, spoken, name=f"{_NAME}-{spoken}-{role}")
            datasets[role] = uploaded["id"]
            progress(len(datasets) / len(files))
    started = client.transfers.start(
        model["id"],
        language,
        datasets,
        _METHOD,
        _PARAMETERS,
        # So few rows are better spent on training than on deciding when to stop.
        validation_fraction=0.0,
    )
    return follow_transfer(client, started["id"])


def follow_transfer(client: Client, transfer_id: str) -> dict[str, Any]:
    """Show phases, a bar and the time left until the transfer is over; returns the transfer.

    Raises DemoTransferFailed unless it succeeded.
    """
    started = time.monotonic()
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=CONSOLE,
        transient=True,
        disable=not CONSOLE.is_terminal,
    ) as progress:
        bar = progress.add_task("waiting for the worker", total=1.0, left="")

        def show(event: dict[str, Any]) -> None:
            if event["kind"] == "progress":
                facts = event["data"]
                left = _left(facts["eta_seconds"])
                progress.update(
                    bar, description=facts["phase"], completed=facts["fraction"], left=left
                )

        transfer = client.transfers.wait(transfer_id, show)
    if transfer["state"] != "succeeded":
        raise DemoTransferFailed(transfer_id, transfer["state"], transfer["failure"])
    seconds = time.monotonic() - started
    CONSOLE.print(f"[green]✓[/green] Transferring [dim]({seconds:.1f} s)[/dim]", highlight=False)
    return transfer


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"about {seconds:.0f} s left"
