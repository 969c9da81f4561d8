"""A table as its file has it, before anything is judged usable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Cell = Any  # str, int, float, bool or None as the file has it; anything else is refused later


@dataclass(frozen=True)
class RawTable:
    """The columns of a table, and its rows on demand.

    `read` yields the cells of the named columns, one tuple for each row of data; an empty line
    is a row of None. `details` tells the report how the file was read. `left_out` has the rows
    that an annotation tool marks as not to be used, by number, with the reason; `unlabelled` has
    those of which only a column of labels is not to be used, by the column. `class_names` has the
    names of the classes of each column that the file's schema declares as one of them.
    """

    columns: tuple[str, ...]
    read: Callable[[tuple[str, ...]], Iterator[tuple[Cell, ...]]]
    details: dict[str, Any]
    left_out: Mapping[int, str] = field(default_factory=dict)
    unlabelled: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    class_names: Mapping[str, list[str]] = field(default_factory=dict)

    def numbered(self, wanted: tuple[str, ...]) -> Iterator[tuple[int, tuple[Cell, ...] | None]]:
        """The rows with their numbers from 1; None for one that is left out."""
        left_out = self.left_out_of(wanted)
        for number, cells in enumerate(self.read(wanted), start=1):
            yield number, None if number in left_out else cells

    def left_out_of(self, columns: Iterable[str]) -> dict[int, str]:
        """The rows that are left out where these columns are read, in their order."""
        found = {n: why for name in columns for n, why in self.unlabelled.get(name, {}).items()}
        return dict(sorted((found | dict(self.left_out)).items()))
