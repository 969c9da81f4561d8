"""The canonical table of labelled texts, whatever file they came in."""

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
        pa.field("label", pa.string(), nullable=False),
        pa.field("group", pa.string()),
    ]
)


@dataclass(frozen=True)
class TextRow:
    """A usable row; `row` is its number in the uploaded file, the first row of data being 1."""

    row: int
    text: str
    label: str
    group: str | None = None


def write_text_rows(rows: list[TextRow], file: Path) -> None:
    """Write Parquet with the columns row (int64), text, label and group (string, may be null)."""
    write_rows(rows, _SCHEMA, file)


def read_text_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[TextRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(TextRow, _SCHEMA, file, offset, limit)
