"""From an uploaded file of texts with any number of labels to the canonical table and its facts."""

from __future__ import annotations

from pathlib import Path

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import NoUsableRows, RowMalformed, TooManyLabels
from app.formats.label_report import sort_labels
from app.formats.tables.canonical import TextRow
from app.formats.tables.canonical_label_sets import LabelSetRow, write_label_set_rows
from app.formats.tables.cells import name_of, text_of
from app.formats.tables.columns import Columns, choose_columns
from app.formats.tables.raw_table import Cell, RawTable
from app.formats.tables.report import report_texts
from app.formats.tables.usable_rows import UsableRows, convert_cell

_MOST_LABELS = 2000
_ADVICE = (
    'Write the labels as a list, such as {"labels": ["a", "b"]}, or name the character between '
    "them with `separator`."
)


def read_label_sets(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have a text to `canonical` and report on them.

    A row without any label is one that none of the labels fits. Raises `RejectedFile` leaves that
    name the row and the column.
    """
    columns = choose_columns(table.columns, hints)
    rows, found = _read(table, columns, hints.separator)
    names = [label for row in rows for label in row.labels]
    labels = sort_labels(names)
    if not labels:
        raise NoUsableRows(found.total, "both a text and a label")
    if len(labels) > _MOST_LABELS:
        raise TooManyLabels(len(labels), _MOST_LABELS, columns.label)
    write_label_set_rows(rows, canonical)
    report = report_texts(found, columns, table.details, language, names)
    per_row = {
        "without": sum(not row.labels for row in rows),
        "mean": round(len(names) / len(rows), 4),
        "most": max(len(row.labels) for row in rows),
    }
    return DatasetFacts(
        kind=DatasetKind.MULTI_LABELLED,
        rows=len(rows),
        labels=labels,
        grouped=any(row.group is not None for row in rows),
        report=report | {"labels_per_row": per_row},
    )


def _read(
    table: RawTable, columns: Columns, separator: str | None
) -> tuple[list[LabelSetRow], UsableRows]:
    rows, found = [], UsableRows()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    for number, cells in table.numbered(wanted):
        found.total = number
        if cells is None:
            continue
        text = convert_cell(text_of, cells[0], number, columns.text)
        if text is None:
            found.without_text.append(number)
            continue
        labels = _labels(cells[1], number, columns.label, separator)
        group = convert_cell(name_of, cells[2], number, wanted[2]) if columns.group else None
        rows.append(LabelSetRow(number, text, labels, group))
        found.rows.append(TextRow(number, text, ", ".join(sorted(labels)), group))
    if not rows:
        raise NoUsableRows(found.total, "a text")
    return rows, found


def _labels(cell: Cell, number: int, column: str, separator: str | None) -> list[str]:
    """The distinct labels of a cell, in their order."""
    if isinstance(cell, str) and separator:
        cell = cell.split(separator)
    elif isinstance(cell, str) and cell.strip():
        raise RowMalformed(number, column, "a text stands where a list of labels should", _ADVICE)
    parts = cell if isinstance(cell, list) else []
    if cell is not None and not isinstance(cell, list | str):
        raise RowMalformed(number, column, "no list of labels stands there", _ADVICE)
    names = [convert_cell(name_of, part, number, column) for part in parts]
    return list(dict.fromkeys(name.strip() for name in names if name is not None))
