"""Rows of one dataclass as a Parquet file, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

R = TypeVar("R")


def write_rows(rows: Sequence[Any], schema: pa.Schema, file: Path) -> None:
    """Write `rows`, whose fields are the columns of `schema`."""
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), file, compression="zstd")


def read_rows(
    kind: type[R], schema: pa.Schema, file: Path, offset: int = 0, limit: int | None = None
) -> Iterator[R]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    table = pq.read_table(file, schema=schema).slice(offset, limit)
    for batch in table.to_batches(max_chunksize=10_000):
        yield from (kind(**values) for values in batch.to_pylist())


def read_column(file: Path, name: str) -> list[str]:
    """One column of strings, whole."""
    values: list[str] = pq.read_table(file, columns=[name]).column(name).to_pylist()
    return values
