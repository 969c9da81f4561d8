"""The canonical tables of texts, label sets, tagged words and pairs, whatever file they came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("group", pa.string()),
    ]
)
_LABEL_SET_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string()), nullable=False),
        pa.field("group", pa.string()),
    ]
)
_TAGGED_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("group", pa.string()),
    ]
)
_UNLABELLED_SCHEMA = pa.schema(
    [pa.field("row", pa.int64(), nullable=False), pa.field("text", pa.string(), nullable=False)]
)
_PAIR_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
    ]
)
RowT = TypeVar("RowT")


@dataclass(frozen=True)
class TextRow:
    """A usable row; `row` is its number in the uploaded file, the first row of data being 1."""

    row: int
    text: str
    label: str
    group: str | None = None


def write_text_rows(rows: list[TextRow], file: Path) -> None:
    """Write Parquet with the columns row (int64), text, label and group (string, may be null)."""
    write_rows(rows, _TEXT_SCHEMA, file)


def read_text_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[TextRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(TextRow, _TEXT_SCHEMA, file, offset, limit)


@dataclass(frozen=True)
class LabelSetRow:
    """A usable row; `labels` are distinct and may be none."""

    row: int
    text: str
    labels: list[str]
    group: str | None = None


def write_label_set_rows(rows: list[LabelSetRow], file: Path) -> None:
    """Write Parquet with the columns row, text, labels (a list of strings) and group."""
    write_rows(rows, _LABEL_SET_SCHEMA, file)


def read_label_set_rows(
    file: Path, offset: int = 0, limit: int | None = None
) -> Iterator[LabelSetRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(LabelSetRow, _LABEL_SET_SCHEMA, file, offset, limit)


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
    write_rows(rows, _TAGGED_SCHEMA, file)


def read_tagged_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[TaggedRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(TaggedRow, _TAGGED_SCHEMA, file, offset, limit)


@dataclass(frozen=True)
class UnlabelledRow:
    """A usable row; `row` is its number in the uploaded file, counted from 1."""

    row: int
    text: str


def write_unlabelled_rows(rows: list[UnlabelledRow], file: Path) -> None:
    """Write Parquet with the columns row (int64) and text (string)."""
    write_rows(rows, _UNLABELLED_SCHEMA, file)


def read_unlabelled_rows(
    file: Path, offset: int = 0, limit: int | None = None
) -> Iterator[UnlabelledRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(UnlabelledRow, _UNLABELLED_SCHEMA, file, offset, limit)


@dataclass(frozen=True)
class PairRow:
    """A usable pair; `row` is its number in the uploaded file, counted from 1."""

    row: int
    source: str
    target: str


def write_pair_rows(rows: list[PairRow], file: Path) -> None:
    """Write Parquet with the columns row (int64), source and target (string)."""
    write_rows(rows, _PAIR_SCHEMA, file)


def read_pair_rows(file: Path, offset: int = 0, limit: int | None = None) -> Iterator[PairRow]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    return read_rows(PairRow, _PAIR_SCHEMA, file, offset, limit)


def write_rows(rows: Sequence[Any], schema: pa.Schema, file: Path) -> None:
    """Write `rows`, whose fields are the columns of `schema`."""
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), file, compression="zstd")


def read_rows(
    kind: type[RowT], schema: pa.Schema, file: Path, offset: int = 0, limit: int | None = None
) -> Iterator[RowT]:
    """The rows from the `offset`-th on (counted from 0), at most `limit`, in the file's order."""
    table = pq.read_table(file, schema=schema).slice(offset, limit)
    for batch in table.to_batches(max_chunksize=10_000):
        yield from (kind(**values) for values in batch.to_pylist())


def read_column(file: Path, name: str) -> list[str]:
    """One column of strings, whole."""
    values: list[str] = pq.read_table(file, columns=[name]).column(name).to_pylist()
    return values
