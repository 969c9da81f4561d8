"""Models as people have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.formats.real_files.case import Facts, RealFile, read_as_model
from tests.support.archives import a_zip, content_of
from tests.support.models import INTENTS, a_text_classifier


def zipped_classifier(file: Path, below: str = "", beside: Mapping[str, bytes] = {}) -> Path:
    """A zipped text classifier in the folder `below`, with other members `beside` it."""
    content = content_of(a_text_classifier(file.parent / "classifier"))
    return a_zip(file, {f"{below}{name}": data for name, data in content.items()} | dict(beside))


MODEL_FILES: tuple[RealFile, ...] = (
    RealFile(
        "intents.zip",
        "a classifier's directory, zipped as the one folder in the archive",
        lambda file: zipped_classifier(file, below="intents/"),
        Facts({"format": "huggingface", "task": "text-classification", "labels": list(INTENTS)}),
        read=read_as_model,
    ),
)
