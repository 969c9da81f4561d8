"""JSONL: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.domain.errors.dataset_files import RowMalformed
from app.formats.tables.encoding import check_utf8
from app.formats.tables.raw_table import Cell, RawTable

_ADVICE = 'Write one JSON object on each line, such as {"text": "...", "label": "..."}.'


def open_json_lines(file: Path) -> RawTable:
    """The table whose columns are all keys that occur; a line without a key has None there.

    Raises `EncodingNotUtf8` and `RowMalformed`.
    """
    check_utf8(file)
    with file.open(encoding="utf-8-sig") as handle:
        rows = [_parse(line, number) for number, line in enumerate(handle, start=1)]
    columns = tuple(dict.fromkeys(key for row in rows for key in row))

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        return (tuple(row.get(column) for column in wanted) for row in rows)

    return RawTable(columns, read, {"format": "jsonl"})


def _parse(line: str, number: int) -> dict[str, Any]:
    if not line.strip():
        return {}
    try:
        row = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as problem:
        raise RowMalformed(number, None, f"it is not JSON ({problem})", _ADVICE) from None
    if not isinstance(row, dict):
        raise RowMalformed(number, None, f"it is a JSON {type(row).__name__}", _ADVICE)
    return row
