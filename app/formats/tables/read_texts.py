"""From a table of texts or pairs to the canonical table, the facts about it and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import NoUsableRows, RowMalformed, TooManyLabels
from app.formats.dataset_report import (
    note_duplicates,
    note_labels,
    report_duplicates,
    report_labels,
    sort_labels,
)
from app.formats.tables.canonical import (
    LabelSetRow,
    PairRow,
    TextRow,
    UnlabelledRow,
    write_label_set_rows,
    write_pair_rows,
    write_text_rows,
    write_unlabelled_rows,
)
from app.formats.tables.language import report_language
from app.formats.tables.raw_table import (
    Cell,
    Columns,
    RawTable,
    UsableRows,
    cell_name,
    cell_text,
    choose_columns,
    convert_cell,
    find_columns,
    usable_rows,
)

_MAX_LABELS = 2000
_LABEL_SET_ADVICE = (
    'Write the labels as a list, such as {"labels": ["a", "b"]}, or name the character between '
    "them, as in `-F 'separator=;'`."
)
_LABEL_VECTOR_ADVICE = (
    'Write the names of the labels of each row, such as {"labels": ["a", "b"]}, and an empty list '
    "where none fits."
)
_SHOWN = 10
_MANY_LINES = 20
_QUANTILES = {"min": 0.0, "q05": 0.05, "median": 0.5, "q95": 0.95, "max": 1.0}


def read_texts(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the usable rows to `canonical` and report on the table.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    columns = choose_columns(table.columns, hints)
    found = usable_rows(table, columns)
    labels = sort_labels(row.label for row in found.rows)
    if len(labels) > _MAX_LABELS:
        raise TooManyLabels(len(labels), _MAX_LABELS, columns.label)
    write_text_rows(found.rows, canonical)
    return DatasetFacts(
        kind=DatasetKind.LABELLED,
        rows=len(found.rows),
        labels=labels,
        grouped=any(row.group is not None for row in found.rows),
        report=report_texts(found, columns, table.details, language),
    )


def read_label_sets(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have a text to `canonical` and report on them.

    A row without any label is one that none of the labels fits. Raises `RejectedFile` leaves that
    name the row and the column.
    """
    columns = choose_columns(table.columns, hints)
    rows, found = _read_label_set_rows(table, columns, hints.separator)
    names = [label for row in rows for label in row.labels]
    labels = sort_labels(names)
    if not labels:
        raise NoUsableRows(found.total, "both a text and a label")
    if len(labels) > _MAX_LABELS:
        raise TooManyLabels(len(labels), _MAX_LABELS, columns.label)
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


def _read_label_set_rows(
    table: RawTable, columns: Columns, separator: str | None
) -> tuple[list[LabelSetRow], UsableRows]:
    rows, found = [], UsableRows()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    vectors = _check_vectors(table, columns.label, separator)
    for number, cells in table.numbered(wanted):
        found.total = number
        if cells is None:
            continue
        text = convert_cell(cell_text, cells[0], number, columns.text)
        if text is None:
            found.without_text.append(number)
            continue
        labels = _label_set(cells[1], number, columns.label, separator, vectors)
        group = convert_cell(cell_name, cells[2], number, wanted[2]) if columns.group else None
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
    raise RowMalformed(lists[0][0], column, reason, _LABEL_VECTOR_ADVICE)


def _filled_lists(
    table: RawTable, column: str, separator: str | None
) -> Iterator[tuple[int, list[Cell]]]:
    for number, cells in table.numbered((column,)):
        parts = _split_labels(cells[0], separator) if cells else None
        if isinstance(parts, list) and parts:
            yield number, parts


def _split_labels(cell: Cell, separator: str | None) -> Cell:
    if isinstance(cell, str) and separator:
        return [part.strip() for part in cell.split(separator)]
    return cell


def _label_set(
    cell: Cell, number: int, column: str, separator: str | None, vectors: list[str]
) -> list[str]:
    """The distinct labels of a cell, in their order; `vectors` names the places of a vector."""
    cell = _split_labels(cell, separator)
    if vectors:
        return [name for name, part in zip(vectors, cell or (), strict=False) if part == vectors[1]]
    if isinstance(cell, str) and cell.strip():
        raise RowMalformed(
            number, column, "a text stands where a list of labels should", _LABEL_SET_ADVICE
        )
    parts = cell if isinstance(cell, list) else []
    if cell is not None and not isinstance(cell, list | str):
        raise RowMalformed(number, column, "no list of labels stands there", _LABEL_SET_ADVICE)
    names = [convert_cell(cell_name, part, number, column) for part in parts]
    return list(dict.fromkeys(name.strip() for name in names if name is not None))


def read_unlabelled(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have a text to `canonical` and report on them.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    [column] = find_columns([("text", hints.text)], table.columns)
    rows: list[UnlabelledRow] = []
    number = 0
    for number, cells in table.numbered((column,)):
        if cells is None:
            continue
        if (text := convert_cell(cell_text, cells[0], number, column)) is not None:
            rows.append(UnlabelledRow(number, text))
    if not rows:
        raise NoUsableRows(number, "a text")
    write_unlabelled_rows(rows, canonical)
    report = (
        _report_unlabelled(rows, number - len(table.left_out_of((column,))), language)
        | {"rows": number}
        | {"columns": {"text": column}}
    )
    return DatasetFacts(DatasetKind.UNLABELLED, len(rows), (), False, report=table.details | report)


def _report_unlabelled(rows: list[UnlabelledRow], total: int, language: str) -> dict[str, Any]:
    texts = [row.text for row in rows]
    duplicates = report_duplicates((row.row, row.text, "") for row in rows)
    languages, language_notes = report_language([(row.row, row.text) for row in rows], language)
    return {
        "rows": total,
        "usable": len(rows),
        "empty": {"text": total - len(rows)},
        "lengths": report_lengths(texts),
        "duplicates": duplicates,
        **languages,
        "notes": [*note_duplicates(duplicates), *language_notes],
    }


def read_pairs(
    table: RawTable, kind: DatasetKind, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have both sides to `canonical` and report on them.

    `language` is that of the target side. Raises `RejectedFile` leaves that name the row and the
    column.
    """
    columns = _pair_columns(table, hints)
    rows: list[PairRow] = []
    number = 0
    for number, cells in table.numbered(columns):
        if cells is None:
            continue
        source = convert_cell(cell_text, cells[0], number, columns[0])
        target = convert_cell(cell_text, cells[1], number, columns[1])
        if source is not None and target is not None:
            rows.append(PairRow(number, source.strip(), target.strip()))
    if not rows:
        raise NoUsableRows(number, "both a source and a target")
    write_pair_rows(rows, canonical)
    report = table.details | {"columns": dict(zip(("source", "target"), columns, strict=True))}
    report |= _report_pairs(rows, number - len(table.left_out_of(columns)), kind, language) | {
        "rows": number
    }
    return DatasetFacts(kind, len(rows), (), False, report=report)


def _pair_columns(table: RawTable, hints: DatasetHints) -> tuple[str, str]:
    if table.details.get("format") in ("lines", "two-files"):
        return table.columns[0], table.columns[1]
    wanted = [("source", hints.source), ("target", hints.target)]
    source, target = find_columns(wanted, table.columns)
    return source, target


def _report_pairs(
    rows: list[PairRow], total: int, kind: DatasetKind, language: str
) -> dict[str, Any]:
    targets = [row.target for row in rows]
    duplicates = report_duplicates((row.row, (row.source, row.target), "") for row in rows)
    report: dict[str, Any] = {
        "rows": total,
        "usable": len(rows),
        "empty": {"pairs": total - len(rows)},
        "lengths": report_lengths([row.source for row in rows]),
        "target_lengths": report_lengths(targets),
        "duplicates": duplicates,
        "notes": note_duplicates(duplicates),
    }
    if kind is DatasetKind.DICTIONARY:
        return report | {"source_words": len({row.source for row in rows})}
    languages, notes = report_language([(row.row, row.target) for row in rows], language)
    return report | languages | {"notes": report["notes"] + notes}


def report_texts(
    found: UsableRows,
    columns: Columns,
    details: dict[str, Any],
    language: str,
    names: list[str] | None = None,
) -> dict[str, Any]:
    """Everything the project documents about a text dataset, as JSON; `notes` are sentences.

    `names` are the labels to count where a row's label stands for several of them.
    """
    rows = found.rows
    texts = [row.text for row in rows]
    labels = report_labels(row.label for row in rows) if names is None else report_labels(names)
    duplicates = report_duplicates((row.row, row.text, row.label) for row in rows)
    languages, language_notes = report_language([(row.row, row.text) for row in rows], language)
    return {
        **details,
        "columns": asdict(columns),
        "rows": found.total,
        "usable": len(rows),
        "empty": _report_empty(found),
        "labels": labels,
        "lengths": report_lengths(texts),
        "duplicates": duplicates,
        "groups": _report_groups(rows) if columns.group else None,
        **languages,
        "notes": [
            *_note_empty(found),
            *_note_lists(found),
            *_note_unclosed_quotes(rows, details),
            *_note_counter(rows, columns.group),
            *note_labels(labels),
            *note_duplicates(duplicates),
            *language_notes,
        ],
    }


def with_left_out(facts: DatasetFacts, table: RawTable) -> DatasetFacts:
    """The facts with a count of the rows that an annotation tool marks as not to be used."""
    left_out = table.left_out_of(facts.report["columns"].values())
    counts = Counter(left_out.values())
    if not counts:
        return facts
    first = {reason: min(n for n, w in left_out.items() if w == reason) for reason in counts}
    notes = [
        f"{count} row(s) were {reason} and are left out, first row {first[reason]}."
        for reason, count in counts.items()
    ]
    report = facts.report | {"left_out": dict(counts), "notes": notes + facts.report["notes"]}
    return replace(facts, report=report)


def _report_empty(found: UsableRows) -> dict[str, Any]:
    return {
        "text": len(found.without_text),
        "label": len(found.without_label),
        "first_rows": sorted(found.without_text[:_SHOWN] + found.without_label[:_SHOWN])[:_SHOWN],
    }


def _note_empty(found: UsableRows) -> list[str]:
    parts = {"text": found.without_text, "label": found.without_label}
    return [
        f"{len(numbers)} row(s) have no {what} and were left out, first row {numbers[0]}."
        for what, numbers in parts.items()
        if numbers
    ]


def _note_lists(found: UsableRows) -> list[str]:
    if not found.listed:
        return []
    return [
        "The labels stand in lists and no row has more than one, so that each row has a single "
        "label. Where a row may have several, send the kind `multi_labelled`."
    ]


def _note_unclosed_quotes(rows: list[TextRow], details: dict[str, Any]) -> list[str]:
    """Cells of many lines in a CSV file: a quote without its partner takes in what follows."""
    if "delimiter" not in details:
        return []
    lines = {row.row: max(row.text.count("\n"), row.label.count("\n")) + 1 for row in rows}
    many = {row: count for row, count in lines.items() if count > _MANY_LINES}
    if not many:
        return []
    longest = max(many, key=lambda row: many[row])
    return [
        f"{len(many)} row(s) have a cell of more than {_MANY_LINES} lines; row {longest} has one "
        f"of {many[longest]}. A double quote without its partner takes in the rows that follow: "
        "look at these cells."
    ]


def _note_counter(rows: list[TextRow], column: str | None) -> list[str]:
    """Ids that only number the rows tie rows of other files together: right for translations."""
    if not any(all(row.group == str(row.row - first) for row in rows) for first in (0, 1)):
        return []
    return [
        f"The column `{column}` numbers the rows and was read as the group: rows of other datasets "
        "with the same number count as the same sentence. Where they are not, send `group` empty."
    ]


def _report_groups(rows: list[TextRow]) -> dict[str, int]:
    sizes = Counter(row.group for row in rows if row.group is not None)
    return {
        "count": len(sizes),
        "largest": max(sizes.values(), default=0),
        "rows_without": len(rows) - sizes.total(),
    }


def report_lengths(texts: list[str]) -> dict[str, Any]:
    """Quantiles and mean of the characters and of the words (parts between white space)."""
    return {
        "characters": _length_quantiles([len(text) for text in texts]),
        "words": _length_quantiles([len(text.split()) for text in texts]),
    }


def _length_quantiles(lengths: list[int]) -> dict[str, float]:
    values = np.quantile(lengths, list(_QUANTILES.values()), method="nearest")
    summary = {name: float(value) for name, value in zip(_QUANTILES, values, strict=True)}
    return {**summary, "mean": round(float(np.mean(lengths)), 2)}
