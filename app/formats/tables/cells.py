"""Cells as text: a label is what the file says, never what a library makes of it."""

from __future__ import annotations

import math

from app.formats.tables.raw_table import Cell


def text_of(cell: Cell) -> str | None:
    """The text of an input cell, None when there is none; raises ValueError with the reason."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if not isinstance(cell, str):
        raise ValueError(f"{_kind(cell)} stands where a text should")
    if "\0" in cell:
        raise ValueError("it holds a zero character")
    if not cell.isascii():
        _check_surrogates(cell)
    return cell if cell.strip() else None


def name_of(cell: Cell) -> str | None:
    """The text of a label or group cell, None when there is none; raises ValueError.

    Integers are written without a point even where a missing value made their column one of
    floats; text such as "NA", "1.0" or "null" stays as it is.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float) and not math.isnan(cell):
        raise ValueError(f"the number {cell} is no name of a class or group")
    return text_of(cell)


def label_of(cell: Cell) -> str | None:
    """The same for the label of a row that has one, which may stand in a list by itself."""
    if not isinstance(cell, list):
        return name_of(cell)
    names = [name for part in cell if (name := name_of(part)) is not None]
    if len(names) > 1:
        raise ValueError(
            f"{len(names)} labels stand there, and a row of the kind `labelled` has one"
        )
    return names[0] if names else None


def _check_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no character") from None


def _kind(cell: Cell) -> str:
    return {"list": "a list", "dict": "an object", "bytes": "binary data"}.get(
        type(cell).__name__, f"a {type(cell).__name__}"
    )
