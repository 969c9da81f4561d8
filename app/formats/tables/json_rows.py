"""JSON files of rows: one object a line, an array of objects, or columns as pandas writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import FileDamaged, RowMalformed
from app.formats.tables.annotations import flatten_annotations
from app.formats.tables.raw_table import Cell, RawTable, count_usual_names
from app.formats.tables.readers import check_utf8

_ADVICE = 'Write one JSON object on each line, such as {"text": "...", "label": "..."}.'
_NO_ROWS = "it holds no rows: a list of objects, or columns as pandas writes them, is needed"
Row = dict[str, Any]


def open_json(file: Path, hints: DatasetHints) -> RawTable:
    """The table whose columns are all keys that occur; a row without a key has None there.

    Read are JSONL, an array of objects, an object that holds one such array, and every
    orientation of pandas' `to_json` that names its columns. Rows of annotation tools become
    plain ones. Raises `EncodingNotUtf8`, `RowMalformed` and `FileDamaged`.
    """
    check_utf8(file)
    rows, details = _read(file, hints)
    plain = flatten_annotations(rows, hints)
    columns = tuple(dict.fromkeys(key for row in plain.rows for key in row))

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        return (tuple(row.get(column) for column in wanted) for row in plain.rows)

    return RawTable(columns, read, details | plain.details, plain.left_out, plain.unlabelled)


def _read(file: Path, hints: DatasetHints) -> tuple[list[Row], dict[str, Any]]:
    text = file.read_text(encoding="utf-8-sig")
    first, _, rest = text.lstrip().partition("\n")
    if _is_line_of_json(first) and rest.strip():
        return _lines(text), {"format": "jsonl"}
    try:
        content = _loads(text.rstrip().removesuffix(","))
    except RecursionError:
        raise FileDamaged("JSON", "it is nested too deeply") from None
    except ValueError as problem:
        if first.startswith("{") and first.rstrip().endswith("}"):
            return _lines(text), {"format": "jsonl"}  # says which row is wrong
        raise FileDamaged("JSON", str(problem)) from None
    found = _table(content, hints)
    if found is not None:
        return found, {"format": "json"}
    if isinstance(content, dict):
        return [content], {"format": "json" if rest.strip() else "jsonl"}
    raise FileDamaged("JSON", _NO_ROWS)


def _is_line_of_json(line: str) -> bool:
    try:
        _loads(line.rstrip().removesuffix(","))
    except (ValueError, RecursionError):
        return False
    return True


def _lines(text: str) -> list[Row]:
    # Only a line feed ends a line: JSON may hold other line breaks within a text.
    lines = text.removesuffix("\n").split("\n")
    return [_row(line, number) for number, line in enumerate(lines, start=1)]


def _row(line: str, number: int) -> Row:
    """The object of one line; a comma behind it is what is left of an array."""
    if not line.strip():
        return {}
    try:
        row = _loads(line.rstrip().removesuffix(","))
    except (ValueError, RecursionError) as problem:
        raise RowMalformed(number, None, f"it is not JSON ({problem})", _ADVICE) from None
    if not isinstance(row, dict):
        raise RowMalformed(number, None, f"it is a JSON {type(row).__name__}", _ADVICE)
    return row


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=lambda _: None)


def _table(content: Any, hints: DatasetHints) -> list[Row] | None:
    """The rows in a whole JSON file, None where it has none."""
    if isinstance(content, list):
        return _check_objects(content)
    if not isinstance(content, dict) or not content:
        return None
    names, data = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(data, list):
        return _split(names, data)
    return _columns(content, hints) or _nested_rows(content)


def _check_objects(content: list[Any]) -> list[Row] | None:
    for number, row in enumerate(content, start=1):
        if not isinstance(row, dict):
            advice = 'Send an array of objects, such as [{"text": "...", "label": "..."}].'
            raise RowMalformed(number, None, f"it is a JSON {type(row).__name__}", advice)
    return content or None


def _split(names: list[Any], data: list[Any]) -> list[Row]:
    """pandas' `orient="split"`."""
    for number, cells in enumerate(data, start=1):
        if not isinstance(cells, list) or len(cells) != len(names):
            reason = f"it has not the {len(names)} cells that `columns` names"
            raise RowMalformed(number, None, reason, "Write the file again with pandas.")
    return [dict(zip(map(str, names), cells, strict=True)) for cells in data]


def _columns(content: Row, hints: DatasetHints) -> list[Row] | None:
    """pandas' `orient="columns"` (its default) and `"index"`, and columns as lists."""
    inner = list(content.values())
    if all(isinstance(one, list) for one in inner):
        numbered = {name: dict(enumerate(cells)) for name, cells in content.items()}
        lengths = {len(cells) for cells in inner}
        wanted = hints.text or "text"
        known = count_usual_names(tuple(content), hints) > 1 or wanted in content
        return (
            _transposed(numbered)
            if known and len(lengths) == 1 and not _is_one_sentence(content)
            else None
        )
    if not all(isinstance(one, dict) for one in inner):
        return None
    if count_usual_names(tuple(content), hints) > 0:
        return _transposed(content)
    keys = tuple(dict.fromkeys(key for one in inner for key in one))
    return inner if count_usual_names(keys, hints) > 0 else None


def _is_one_sentence(content: Row) -> bool:
    """Whether the lists are the words and tags of one sentence."""
    return bool({"tokens", "words", "forms"} & {name.casefold() for name in content})


def _transposed(content: dict[str, dict[Any, Any]]) -> list[Row]:
    index = dict.fromkeys(key for cells in content.values() for key in cells)
    return [{name: cells.get(key) for name, cells in content.items()} for key in index]


def _nested_rows(content: Row) -> list[Row] | None:
    """The one list of objects in an object, or in the one object within it."""
    lists = [one for one in content.values() if isinstance(one, list) and one]
    lists = [one for one in lists if all(isinstance(row, dict) for row in one)]
    if len(lists) == 1 and not any(isinstance(one, str) for one in content.values()):
        return lists[0]
    inner = [one for one in content.values() if isinstance(one, dict)]
    return _nested_rows(inner[0]) if len(content) == len(inner) == 1 else None
