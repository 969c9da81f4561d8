"""From an uploaded file of texts with any number of labels to the canonical table and its facts."""

from __future__ import annotations

from collections.abc import Iterator
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
    "them, as in `-F 'separator=;'`."
)
_ADVICE_ON_VECTORS = (
    'Write the names of the labels of each row, such as {"labels": ["a", "b"]}, and an empty list '
    "where none fits."
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
    vectors = _check_vectors(table, columns.label, separator)
    for number, cells in table.numbered(wanted):
        found.total = number
        if cells is None:
            continue
        text = convert_cell(text_of, cells[0], number, columns.text)
        if text is None:
            found.without_text.append(number)
            continue
        labels = _labels(cells[1], number, columns.label, separator, vectors)
        group = convert_cell(name_of, cells[2], number, wanted[2]) if columns.group else None
        rows.append(LabelSetRow(number, text, labels, group))
        found.rows.append(TextRow(number, text, ", ".join(sorted(labels)), group))
    if not rows:
        raise NoUsableRows(found.total, "a text")
    return rows, found


def _check_vectors(table: RawTable, column: str, separator: str | None) -> list[str]:
    """The names of the places of vectors of 0 and 1; none where the cells are sets of labels.

    Sets of two or more of the labels 0 and 1 would all be equal, so lists of one length are
    vectors. Raises `RowMalformed` where the file does not name their places.
    """
    names = table.class_names.get(column, [])
    # Where the file names its classes, its reader has put the first two in the place of 0 and 1.
    values = tuple(names[:2]) or (0, 1, "0", "1")
    lists = list(_filled_lists(table, column, separator))
    lengths = {len(parts) for _, parts in lists}
    if len(lengths) != 1 or lengths == {1}:
        return []
    if not all(part in values for _, parts in lists for part in parts):
        return []
    if names:
        repeats = any(len(set(parts)) < len(parts) for _, parts in lists)
        return names if repeats and lengths == {len(names)} else []
    reason = "a vector of 0 and 1 stands there, and nothing says what its places mean"
    raise RowMalformed(lists[0][0], column, reason, _ADVICE_ON_VECTORS)


def _filled_lists(
    table: RawTable, column: str, separator: str | None
) -> Iterator[tuple[int, list[Cell]]]:
    for number, cells in table.numbered((column,)):
        parts = _divided(cells[0], separator) if cells else None
        if isinstance(parts, list) and parts:
            yield number, parts


def _divided(cell: Cell, separator: str | None) -> Cell:
    if isinstance(cell, str) and separator:
        return [part.strip() for part in cell.split(separator)]
    return cell


def _labels(
    cell: Cell, number: int, column: str, separator: str | None, vectors: list[str]
) -> list[str]:
    """The distinct labels of a cell, in their order; `vectors` names the places of a vector."""
    cell = _divided(cell, separator)
    if vectors:
        return [name for name, part in zip(vectors, cell or (), strict=False) if part == vectors[1]]
    if isinstance(cell, str) and cell.strip():
        raise RowMalformed(number, column, "a text stands where a list of labels should", _ADVICE)
    parts = cell if isinstance(cell, list) else []
    if cell is not None and not isinstance(cell, list | str):
        raise RowMalformed(number, column, "no list of labels stands there", _ADVICE)
    names = [convert_cell(name_of, part, number, column) for part in parts]
    return list(dict.fromkeys(name.strip() for name in names if name is not None))
