"""How a plain encoder's tokens become one vector, and the labels of its own linear head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from app.domain.errors.model_files import FileInvalid
from app.formats.huggingface.layout import HEAD_FILE
from app.formats.huggingface.pooling import DenseLayer, PoolingMode
from app.formats.huggingface.sentence_transformers import read_sentence_encoder
from app.formats.json_file import read_json_model
from app.formats.labels import checked_labels


class HeadFile(BaseModel):
    """The content of `head.json`; every field may be left out.

    `pooling` says how, in several ways a list whose vectors are concatenated; `dense` are layers
    behind it, whose weights stand in `dense.safetensors`; `max_tokens` bounds what is read.
    `reads` marks a head kept from a sequence classifier: the shapes (1, ...) of what its class
    reads from a body, by name.
    `task` says what the head answers: one label, any number of labels, or a tag for each word.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: PoolingMode | tuple[PoolingMode, ...] = "mean"
    dense: tuple[DenseLayer, ...] = Field((), max_length=20)
    prefix: str = Field("", max_length=1000)
    normalize: bool = False
    max_tokens: PositiveInt | None = None
    labels: tuple[str, ...] = ()
    reads: dict[str, tuple[PositiveInt, ...]] = Field({}, max_length=20)
    task: Literal["text-classification", "multi-label-classification", "token-classification"] = (
        "text-classification"
    )

    @property
    def modes(self) -> tuple[PoolingMode, ...]:
        """The ways of pooling."""
        return (self.pooling,) if isinstance(self.pooling, str) else self.pooling


def read_head_file(folder: Path) -> HeadFile:
    """`head.json`; without one, what a sentence-transformers directory says, or the defaults."""
    file = folder / HEAD_FILE
    if not file.is_file():
        return _from_sentence_transformers(folder)
    head = read_json_model(file, HeadFile)
    if not head.modes:
        raise FileInvalid(HEAD_FILE, "`pooling` names no way of pooling")
    if "labels" in head.model_fields_set:
        checked_labels(HEAD_FILE, list(head.labels))
    return head


def write_head_file(head: HeadFile, folder: Path) -> None:
    """Write `head.json`, without `labels`, their `task` and `reads` when there are none."""
    optional = ("labels", "reads", "dense", "max_tokens")
    empty = {name for name in optional if not getattr(head, name)}
    content = head.model_dump(exclude=empty if head.labels else empty | {"task"})
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / HEAD_FILE).write_text(text, encoding="utf-8")


def _from_sentence_transformers(folder: Path) -> HeadFile:
    """`modules.json` lists the steps after the encoder, each with a folder of its own."""
    read = read_sentence_encoder(folder)
    if read is None:
        return HeadFile()
    return HeadFile(
        pooling=read.pooling if len(read.pooling) > 1 else read.pooling[0],
        dense=read.dense,
        prefix=read.prefix,
        normalize=read.normalize,
        max_tokens=read.max_tokens,
    )
