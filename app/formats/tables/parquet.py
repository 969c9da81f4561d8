"""Parquet: strings, integers, booleans and categories; class names of Hugging Face datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.errors.dataset_files import FileDamaged
from app.formats.tables.raw_table import Cell, RawTable

MAGIC = b"PAR1"
_DAMAGE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError)


def open_parquet(file: Path) -> RawTable:
    """The table of a Parquet file; only the columns that are asked for are decoded.

    Raises `FileDamaged`. Integer labels become their names where the file carries the feature
    description that the `datasets` library writes.
    """
    try:
        schema = pq.read_schema(file)
    except _DAMAGE as problem:
        raise FileDamaged("Parquet", str(problem).splitlines()[0]) from None
    names = _class_names(schema)
    return RawTable(
        tuple(schema.names), partial(_read, file, names), {"format": "parquet"}, class_names=names
    )


def _read(
    file: Path, names: dict[str, list[str]], wanted: tuple[str, ...]
) -> Iterator[tuple[Cell, ...]]:
    try:
        for batch in pq.ParquetFile(file).iter_batches(10_000, columns=list(dict.fromkeys(wanted))):
            # The first of those of one name; which of them is meant is asked before it is read.
            places = [batch.schema.get_all_field_indices(column)[0] for column in wanted]
            cells = [
                _named(batch.column(place).to_pylist(), names.get(column))
                for place, column in zip(places, wanted, strict=True)
            ]
            yield from zip(*cells, strict=True)
    except _DAMAGE as problem:
        raise FileDamaged("Parquet", str(problem).splitlines()[0]) from None


def _named(cells: list[Cell], names: list[str] | None) -> list[Cell]:
    """Numbers as their names, also within lists."""
    if names is None:
        return cells
    return [
        _named(c, names)
        if isinstance(c, list)
        else (names[c] if isinstance(c, int) and 0 <= c < len(names) else None)
        for c in cells
    ]


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of each column that the schema's metadata declares a ClassLabel."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    if not isinstance(described, dict):
        return {}
    return {
        column: [str(name) for name in names]
        for column, feature in described.items()
        if isinstance(names := _names_of(feature), list)
    }


def _names_of(feature: Any) -> Any:
    """Of a ClassLabel, or of a list of them (`[feature]` or `{"feature": feature}`)."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_of(feature[0])
    if not isinstance(feature, dict):
        return None
    return feature.get("names") or _names_of(feature.get("feature"))
