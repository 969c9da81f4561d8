"""How a plain encoder's tokens become one vector, and the labels of its own linear head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from app.domain.errors.model_files import FileInvalid
from app.formats.huggingface.layout import HEAD_FILE
from app.formats.json_file import read_json_model, read_json_object
from app.formats.labels import checked_labels


class HeadFile(BaseModel):
    """The content of `head.json`; every field may be left out.

    `reads` marks a head kept from a sequence classifier: the shapes (1, ...) of what its class
    reads from a body, by name.
    `task` says what the head answers: one label, any number of labels, or a tag for each word.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Literal["mean", "cls"] = "mean"
    prefix: str = Field("", max_length=1000)
    normalize: bool = False
    labels: tuple[str, ...] = ()
    reads: dict[str, tuple[PositiveInt, ...]] = Field({}, max_length=20)
    task: Literal["text-classification", "multi-label-classification", "token-classification"] = (
        "text-classification"
    )


def read_head_file(folder: Path) -> HeadFile:
    """`head.json`; without one, what a sentence-transformers directory says, or the defaults."""
    file = folder / HEAD_FILE
    if not file.is_file():
        return _from_sentence_transformers(folder)
    head = read_json_model(file, HeadFile)
    if "labels" in head.model_fields_set:
        checked_labels(HEAD_FILE, list(head.labels))
    return head


def write_head_file(head: HeadFile, folder: Path) -> None:
    """Write `head.json`, without `labels`, their `task` and `reads` when there are none."""
    empty = {name for name in ("labels", "reads") if not getattr(head, name)}
    content = head.model_dump(exclude=empty if head.labels else empty | {"task"})
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / HEAD_FILE).write_text(text, encoding="utf-8")


def _from_sentence_transformers(folder: Path) -> HeadFile:
    """`modules.json` lists the steps after the encoder, each with a folder of its own."""
    file = folder / "modules.json"
    if not file.is_file():
        return HeadFile()
    try:
        steps: Any = json.loads(file.read_text(encoding="utf-8"))
        kinds = [str(step["type"]).rsplit(".", 1)[-1] for step in steps]
    except (ValueError, TypeError, KeyError):
        raise FileInvalid("modules.json", "it is no list of sentence-transformers steps") from None
    pooling = folder / "1_Pooling" / "config.json"
    asked = read_json_object(pooling) if pooling.is_file() else {}
    by_first = bool(asked.get("pooling_mode_cls_token"))
    return HeadFile(pooling="cls" if by_first else "mean", normalize="Normalize" in kinds)
