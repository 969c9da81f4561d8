"""What the demo prints at its end: scores beside their baselines, predictions, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from app.cli.demo.sentences import Row
from app.client import Client

_WIDTH_WITHOUT_TERMINAL = 120
_NAMES = {
    "transferred": "transferred model",
    "source-model": "English model, untouched",
    "tfidf": "TF-IDF + logistic regression",
    "linear-probe": "frozen encoder + logistic regression",
    "majority": "majority class",
    "chance": "chance",
    "source-before": "on English: before the transfer",
    "source-after": "on English: after the transfer",
}


def print_evaluations(client: Client, transfer: dict[str, Any], language: str) -> None:
    """A table of every evaluation with its 95% intervals, and the verdict."""
    evaluations = {one["kind"]: one for one in client.evaluations.of(transfer["id"])["items"]}
    compared = {one["baseline"]: one for one in transfer["result"]["comparisons"]}
    table = Table(title=f"Untouched test rows in {language!r}, with 95% intervals", box=SIMPLE)
    table.add_column("")
    for heading in ("rows", "accuracy", "macro F1", "transferred is better by"):
        table.add_column(heading, justify="right")
    for kind, name in _NAMES.items():
        if kind in evaluations:
            one = evaluations[kind]
            scores = (_interval(one["metrics"][metric]) for metric in ("accuracy", "macro_f1"))
            table.add_row(name, str(one["rows"]), *scores, _difference(compared.get(kind)))
    _console().print(table)
    _console().print(transfer["result"]["verdict"]["sentence"], highlight=False)


def print_predictions(client: Client, model_id: str, rows: Sequence[Row]) -> None:
    """What the transferred model says of some test sentences, and whether it is right."""
    answers = client.predict(model_id, [row.text for row in rows])["predictions"]
    table = Table(title="What the transferred model says of test sentences", box=SIMPLE)
    for heading in ("sentence", "predicted", "probability", "right"):
        table.add_column(heading)
    for row, answer in zip(rows, answers, strict=True):
        label = answer["label"]
        right = "yes" if label == row.intent else f"no: {row.intent}"
        table.add_row(row.text, label, f"{answer['probabilities'][label]:.2f}", right)
    _console().print(table)


def print_addresses(url: str, transfer: dict[str, Any]) -> None:
    """Where everything can be read once `make up` runs the service again."""
    paths = {
        "model": f"/v1/models/{transfer['model_id']}",
        "transfer": f"/v1/transfers/{transfer['id']}",
        "evaluations": f"/v1/transfers/{transfer['id']}/evaluations",
        "split": f"/v1/transfers/{transfer['id']}/split",
        "API": "/docs",
    }
    _console().print("Everything is kept; `make up` serves it again at these addresses:")
    for name, path in paths.items():
        _console().print(f"  {name:<12} {url}{path}", soft_wrap=True)


def print_files(files: Sequence[Path]) -> None:
    """Which files the demo left, in what folder."""
    folder = files[0].parent
    _console().print(f"The files are kept in {folder}; README.md shows how to send them:")
    for file in files:
        _console().print(f"  {file.name}")


def _console() -> Console:
    """Standard output as it is now; a log has no width of its own."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def _interval(metric: dict[str, Any]) -> str:
    if metric["low"] is None:
        return f"{metric['value']:.3f}"
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]".replace("[", "\\[")


def _difference(compared: dict[str, Any] | None) -> str:
    if compared is None:
        return ""
    low, high = compared["low"], compared["high"]
    if low is None:
        return f"{compared['difference']:+.3f}"
    return f"{compared['difference']:+.3f} \\[{low:+.3f}, {high:+.3f}]"
