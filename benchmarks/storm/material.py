"""Tiny models and datasets, and the distinct transfers that the storm asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.client import Client
from tests.support.datasets import LABELS, a_csv, an_npz, digit_images, labelled_rows
from tests.support.models import a_declared_digit_reader, a_text_classifier, zipped

Body = dict[str, Any]


def specifications(client: Client, folder: Path) -> dict[str, Body]:
    """Bodies of `POST /v1/transfers` by name; their models and datasets are uploaded first.

    The two `long` ones train for a second or two, so that some are hit in mid-training; a process
    spends most of the others' time with starting.
    """
    images, texts = _images(client, folder), _texts(client, folder)
    return {
        "digits full": _body(images, "fine-tune", strategy="full", max_steps=40),
        "digits lp-ft": _body(images, "fine-tune", seed=1, strategy="lp-ft", max_steps=30),
        "digits head": _body(images, "fine-tune", seed=2, strategy="head", max_steps=40),
        "digits joint": _body(images, "joint", seed=3, strategy="full", max_steps=40),
        "digits long": _body(images, "fine-tune", seed=4, strategy="full", max_steps=250),
        "intents full": _body(texts, "fine-tune", strategy="full", max_steps=30),
        "intents lp-ft": _body(texts, "fine-tune", seed=1, strategy="lp-ft", max_steps=20),
        "intents long": _body(texts, "fine-tune", seed=2, strategy="full", max_steps=120),
    }


def _body(material: Body, method: str, seed: int = 0, **parameters: Any) -> Body:
    """The keys stand in the order in which the Python client sends them."""
    datasets = dict(material["datasets"])
    if method == "joint":
        datasets["source"] = material["source"]
    training = {"batch_size": 16, "epochs": 1000, "patience": 1000}
    if material["language"] == "bn":
        training["augment"] = False
    return {
        "model": material["model"],
        "language": material["language"],
        "datasets": datasets,
        "method": method,
        "parameters": parameters | training,
        "seed": seed,
    }


def _images(client: Client, folder: Path) -> Body:
    reader = zipped(a_declared_digit_reader(folder / "reader"))
    x, y = digit_images(240, seed=1)
    latin = an_npz(folder / "latin.npz", *digit_images(80, seed=2))
    parts = {"train": slice(0, 160), "test": slice(160, 240)}
    files = {part: an_npz(folder / f"{part}.npz", x[rows], y[rows]) for part, rows in parts.items()}
    return {
        "model": client.models.upload(reader, name="reader")["id"],
        "language": "bn",
        "datasets": {p: client.datasets.upload(f, "bn")["id"] for p, f in files.items()},
        "source": client.datasets.upload(latin, "en")["id"],
    }


def _texts(client: Client, folder: Path) -> Body:
    intents = zipped(a_text_classifier(folder / "intents", labels=LABELS))
    rows = labelled_rows(120, "de")
    parts = {"train": rows[:75], "test": rows[75:]}
    files = {part: a_csv(folder / f"{part}.csv", some) for part, some in parts.items()}
    return {
        "model": client.models.upload(intents, name="intents")["id"],
        "language": "de",
        "datasets": {p: client.datasets.upload(f, "de")["id"] for p, f in files.items()},
    }
