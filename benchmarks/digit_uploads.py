"""What the digit benchmarks upload: the seed network, and one split of an NPZ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.client import Client
from examples.seed_digits import export_declared, train_seed

LANGUAGES = {
    "latin_mnist": "en",
    "bangla_cmaterdb": "bn",
    "devanagari_cmaterdb": "hi",
    "telugu_cmaterdb": "te",
    "kannada_mnist": "kn",
    "tibetan_mnist": "bo",
}


def upload_seed(client: Client, file: Path, folder: Path) -> str:
    """Train the seed network (28 x 28) on the file's training rows; returns the model's id."""
    data = np.load(file)
    network = train_seed(data["x_train"], data["y_train"], size=28, seed=0)
    archive = folder / "latin-digits.zip"
    export_declared(network, 28, archive)
    return str(client.models.upload(archive, name="latin-digits", language="en")["id"])


def upload_split(client: Client, file: Path, part: str, folder: Path) -> str:
    """Upload `x_<part>` and `y_<part>` as a dataset of the script's language; returns its id."""
    data = np.load(file)
    target = folder / f"{file.stem}-{part}.npz"
    np.savez_compressed(target, x=data[f"x_{part}"], y=data[f"y_{part}"])
    language = LANGUAGES[file.stem]
    return str(client.datasets.upload(target, language=language, name=target.stem)["id"])
