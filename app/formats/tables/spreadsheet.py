"""Excel workbooks: one sheet with a header row, every cell as the text that a CSV would have."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import FileDamaged, NoUsableRows
from app.formats.tables.columns import count_usual_names
from app.formats.tables.raw_table import Cell, RawTable


def open_spreadsheet(file: Path, hints: DatasetHints) -> RawTable:
    """The table of a workbook: of several sheets the one whose header has most usual names.

    Its first row that is not empty is the header. Formulas are read by their last result. Raises
    `FileDamaged` and `NoUsableRows`.
    """
    sheets = {name: rows for name, rows in _sheets(file) if rows}
    if not sheets:
        raise NoUsableRows(0, "a cell")
    chosen = max(sheets, key=lambda name: count_usual_names(_header(sheets[name]), hints))
    columns, rows = _header(sheets[chosen]), sheets[chosen][1:]

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        positions = [columns.index(column) for column in wanted]
        return (tuple(_text(row[i]) for i in positions) for row in rows)

    others = [name for name in sheets if name != chosen]
    details = {"format": "xlsx", "sheet": chosen} | ({"other_sheets": others} if others else {})
    return RawTable(columns, read, details)


def _sheets(file: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(file) as book:
            for name in book.sheet_names:
                # The empty area before the first cell is left out; rows are of one width.
                yield name, book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError) as problem:
        raise FileDamaged("Excel", str(problem)) from None


def _header(rows: list[list[Any]]) -> tuple[str, ...]:
    return tuple((_text(cell) or "").strip() for cell in rows[0])


def _text(cell: Any) -> str | None:
    """Whole numbers without a point: Excel has no others."""
    if cell in ("", None):
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
