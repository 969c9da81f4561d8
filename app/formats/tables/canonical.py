"""The canonical text table: what every text dataset becomes, whatever file it came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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
    columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names}
    pq.write_table(pa.table(columns, schema=_SCHEMA), file, compression="zstd")


def read_text_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[TextRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    table = pq.read_table(file, schema=_SCHEMA).slice(offset, limit)
    for batch in table.to_batches(max_chunksize=10_000):
        yield from (TextRow(**values) for values in batch.to_pylist())
