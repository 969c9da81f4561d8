"""The report on a text dataset that is shown to the user."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from app.domain.datasets import DatasetFacts
from app.formats.duplicate_report import note_duplicates, report_duplicates
from app.formats.label_report import note_labels, report_labels
from app.formats.tables.canonical import TextRow
from app.formats.tables.columns import Columns
from app.formats.tables.language_report import report_language
from app.formats.tables.lengths import report_lengths
from app.formats.tables.raw_table import RawTable
from app.formats.tables.usable_rows import UsableRows

_SHOWN = 10
_MANY_LINES = 20


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
            *_note_swallowed(rows, details),
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
    first = {why: min(n for n, w in left_out.items() if w == why) for why in counts}
    notes = [
        f"{count} row(s) were {why} and are left out, first row {first[why]}."
        for why, count in counts.items()
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


def _note_swallowed(rows: list[TextRow], details: dict[str, Any]) -> list[str]:
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
