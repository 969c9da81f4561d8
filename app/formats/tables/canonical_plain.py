"""The canonical table of texts without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from app.formats.tables.row_tables import read_rows, write_rows

_SCHEMA = pa.schema(
    [pa.field("row", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False)]
)


@dataclass(frozen=True)
class PlainRow:
    """A usable row; `row` is its number in the uploaded file, counted from 1."""

    row: int
    text: str


def write_plain_rows(rows: list[PlainRow], file: Path) -> None:
    """Write Parquet with the columns row (int64) and text (string)."""
    write_rows(rows, _SCHEMA, file)


def read_plain_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[PlainRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(PlainRow, _SCHEMA, file, offset, limit)
