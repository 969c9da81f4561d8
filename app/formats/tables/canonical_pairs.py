"""The canonical table of pairs: sentences or words with their translations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from app.formats.tables.row_tables import read_rows, write_rows

_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class PairRow:
    """A usable pair; `row` is its number in the uploaded file, counted from 1."""

    row: int
    source: str
    target: str


def write_pair_rows(rows: list[PairRow], file: Path) -> None:
    """Write Parquet with the columns row (int64), source and target (string)."""
    write_rows(rows, _SCHEMA, file)


def read_pair_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[PairRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(PairRow, _SCHEMA, file, offset, limit)
