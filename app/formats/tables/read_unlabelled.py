"""From an uploaded file of texts without labels to the canonical table and the facts about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import NoUsableRows
from app.formats.duplicate_report import note_duplicates, report_duplicates
from app.formats.tables.canonical_plain import PlainRow, write_plain_rows
from app.formats.tables.cells import text_of
from app.formats.tables.columns import find_columns
from app.formats.tables.language_report import report_language
from app.formats.tables.lengths import report_lengths
from app.formats.tables.raw_table import RawTable
from app.formats.tables.usable_rows import convert_cell


def read_unlabelled(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have a text to `canonical` and report on them.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    [column] = find_columns([("text", hints.text)], table.columns)
    rows: list[PlainRow] = []
    number = 0
    for number, cells in table.numbered((column,)):
        if cells is None:
            continue
        if (text := convert_cell(text_of, cells[0], number, column)) is not None:
            rows.append(PlainRow(number, text))
    if not rows:
        raise NoUsableRows(number, "a text")
    write_plain_rows(rows, canonical)
    report = (
        _report(rows, number - len(table.left_out_of((column,))), language)
        | {"rows": number}
        | {"columns": {"text": column}}
    )
    return DatasetFacts(DatasetKind.UNLABELLED, len(rows), (), False, report=table.details | report)


def _report(rows: list[PlainRow], total: int, language: str) -> dict[str, Any]:
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
