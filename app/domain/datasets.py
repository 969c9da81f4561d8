"""The Dataset: an immutable, validated table, and the report of what is in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.enums import DatasetKind, DatasetStatus


@dataclass(frozen=True)
class DatasetHints:
    """Which columns of a text file to read; None means found by name.

    `kind` None means found by the file's content. `group` names the column by which rows
    that belong together (translations of one sentence, expansions of one template) are kept on
    one side of a split; None means one called `group`, and "" that there is none.
    `source` and `target` name the columns of pairs, or the two files of an archive. `separator`
    stands between the labels of one row where they are written in one cell. `part` chooses among
    the parts of an image data set that comes whole: `train`, `validation` or `test`.
    """

    kind: DatasetKind | None = None
    text: str | None = None
    label: str | None = None
    group: str | None = None
    source: str | None = None
    target: str | None = None
    separator: str | None = None
    part: str | None = None


@dataclass(frozen=True)
class DatasetFacts:
    """What reading a dataset's file established.

    `labels` are the distinct labels, sorted; `image_shape` is (channels, height, width) of an
    images dataset; `grouped` tells whether rows carry a group; `report` is the JSON report shown
    to the user (balance, lengths, duplicates, empty rows, label variants, language check).
    """

    kind: DatasetKind
    rows: int
    labels: tuple[str, ...]
    grouped: bool
    image_shape: tuple[int, int, int] | None = None
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """A registered dataset; `sha256` is of its canonical table (Parquet or safetensors).

    `facts` and `sha256` are None exactly when it was rejected; `upload_sha256` is of the file
    as it was sent.
    """

    id: str
    name: str
    language: str
    status: DatasetStatus
    created_at: datetime
    size_bytes: int
    upload_sha256: str
    sha256: str | None = None
    facts: DatasetFacts | None = None
    rejection: dict[str, Any] | None = None
