"""The canonical table of tagged sentences, whatever file they came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from app.formats.tables.row_tables import read_rows, write_rows

_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("group", pa.string()),
    ]
)


@dataclass(frozen=True)
class TaggedRow:
    """A usable sentence; `tags` has one for each word, `text` is the words with spaces between.

    `row` is its number in the uploaded file, the first sentence being 1. Tags of entities are in
    BIO (IOB2), whatever they were in the file.
    """

    row: int
    words: list[str]
    tags: list[str]
    text: str
    group: str | None = None


def write_tagged_rows(rows: list[TaggedRow], file: Path) -> None:
    """Write Parquet with the columns row, words, tags (lists of strings), text and group."""
    write_rows(rows, _SCHEMA, file)


def read_tagged_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[TaggedRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(TaggedRow, _SCHEMA, file, offset, limit)
