"""The usable rows of a table, and a count of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.errors.dataset_files import NoUsableRows, RowMalformed
from app.formats.tables.canonical import TextRow
from app.formats.tables.cells import label_of, name_of, text_of
from app.formats.tables.columns import Columns
from app.formats.tables.raw_table import Cell, RawTable

_ADVICE = "Correct the cell, or name another column."


@dataclass
class UsableRows:
    """Rows that have both a text and a label.

    `total` counts all rows of the file; `without_text` and `without_label` hold the numbers of
    rows left out (a row without either is among the former); `listed` says that labels stand in
    lists of one.
    """

    rows: list[TextRow] = field(default_factory=list)
    total: int = 0
    without_text: list[int] = field(default_factory=list)
    without_label: list[int] = field(default_factory=list)
    listed: bool = False


def usable_rows(table: RawTable, columns: Columns) -> UsableRows:
    """Read all rows; raises `RowMalformed` with row and column, and `NoUsableRows`."""
    found = UsableRows()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    for number, cells in table.numbered(wanted):
        found.total = number
        if cells is None:
            continue
        text = convert_cell(text_of, cells[0], number, columns.text)
        label = convert_cell(label_of, cells[1], number, columns.label)
        found.listed = found.listed or isinstance(cells[1], list)
        group = convert_cell(name_of, cells[2], number, wanted[2]) if columns.group else None
        if text is None:
            found.without_text.append(number)
        elif label is None:
            found.without_label.append(number)
        else:
            found.rows.append(TextRow(number, text, label, group))
    if not found.rows:
        raise NoUsableRows(found.total, "both an input and a label")
    return found


def convert_cell(
    convert: Callable[[Cell], str | None], cell: Cell, number: int, column: str
) -> str | None:
    """What `convert` makes of a cell; its ValueError becomes `RowMalformed`."""
    try:
        return convert(cell)
    except ValueError as problem:
        raise RowMalformed(number, column, str(problem), _ADVICE) from None
