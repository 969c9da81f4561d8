"""A table as its file has it, before anything is judged usable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Cell = Any  # str, int, float, bool or None as the file has it; anything else is refused later


@dataclass(frozen=True)
class RawTable:
    """The columns of a table, and its rows on demand.

    `read` yields the cells of the named columns, one tuple for each row of data; an empty line
    is a row of None. `details` tells the report how the file was read.
    """

    columns: tuple[str, ...]
    read: Callable[[tuple[str, ...]], Iterator[tuple[Cell, ...]]]
    details: dict[str, Any]
