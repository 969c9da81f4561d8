"""What lies beside a compiled graph: how its inputs are made ready, and what its outputs mean."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.domain.enums import Task
from app.domain.models import ImageInput

GRAPH_FILE = "graph.onnx"
WEIGHTS_FILE = "graph.weights"
TOKENIZER_FILE = "tokenizer.json"
_DESCRIPTION_FILE = "serving.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextReading(_Frozen):
    """Texts, or sentences of words: `tokenizer.json` cuts, each text after `prefix`."""

    kind: Literal["text"] = "text"
    prefix: str


class ImageReading(_Frozen):
    """Images, as the graph's input `name` takes them.

    One of another size is scaled as `app.learn.pixels` does; with `mode` as a Hugging Face
    preparation does, whose `shortest` side it may name.
    """

    kind: Literal["image"] = "image"
    name: str
    shape: ImageInput
    mode: str | None = None
    shortest: int | None = None


class ServingDescription(_Frozen):
    """The whole file; the graph's output `logits` means what `task` says.

    `multiplied_bytes` are those of its weights but for tables, whose rows are looked up.
    """

    task: Task
    precision: str
    multiplied_bytes: int
    reading: TextReading | ImageReading


def write_description(description: ServingDescription, folder: Path) -> None:
    """Write it beside the graph."""
    text = description.model_dump_json(indent=1)
    (folder / _DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def read_description(folder: Path) -> ServingDescription:
    """Read it from a compiled artifact's folder."""
    text = (folder / _DESCRIPTION_FILE).read_text(encoding="utf-8")
    return ServingDescription.model_validate_json(text)
