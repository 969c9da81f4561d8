"""The canonical table of texts with any number of labels, whatever file they came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from app.formats.tables.row_tables import read_rows, write_rows

_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("group", pa.string()),
    ]
)


@dataclass(frozen=True)
class LabelSetRow:
    """A usable row; `labels` are distinct and may be none."""

    row: int
    text: str
    labels: list[str]
    group: str | None = None


def write_label_set_rows(rows: list[LabelSetRow], file: Path) -> None:
    """Write Parquet with the columns row, text, labels (a list of strings) and group."""
    write_rows(rows, _SCHEMA, file)


def read_label_set_rows(
    file: Path, offset: int = 0, limit: int | None = None
) -> Iterator[LabelSetRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(LabelSetRow, _SCHEMA, file, offset, limit)
