"""From an uploaded file of pairs to the canonical table and the facts about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import NoUsableRows
from app.formats.duplicate_report import note_duplicates, report_duplicates
from app.formats.tables.canonical_pairs import PairRow, write_pair_rows
from app.formats.tables.cells import text_of
from app.formats.tables.columns import find_columns
from app.formats.tables.language_report import report_language
from app.formats.tables.lengths import report_lengths
from app.formats.tables.raw_table import RawTable
from app.formats.tables.usable_rows import convert_cell


def read_pairs(
    table: RawTable, kind: DatasetKind, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the rows that have both sides to `canonical` and report on them.

    `language` is that of the target side. Raises `RejectedFile` leaves that name the row and the
    column.
    """
    columns = _columns(table, hints)
    rows: list[PairRow] = []
    number = 0
    for number, cells in table.numbered(columns):
        if cells is None:
            continue
        source = convert_cell(text_of, cells[0], number, columns[0])
        target = convert_cell(text_of, cells[1], number, columns[1])
        if source is not None and target is not None:
            rows.append(PairRow(number, source.strip(), target.strip()))
    if not rows:
        raise NoUsableRows(number, "both a source and a target")
    write_pair_rows(rows, canonical)
    report = table.details | {"columns": dict(zip(("source", "target"), columns, strict=True))}
    report |= _report(rows, number - len(table.left_out_of(columns)), kind, language) | {
        "rows": number
    }
    return DatasetFacts(kind, len(rows), (), False, report=report)


def _columns(table: RawTable, hints: DatasetHints) -> tuple[str, str]:
    if table.details.get("format") in ("lines", "two-files"):
        return table.columns[0], table.columns[1]
    wanted = [("source", hints.source), ("target", hints.target)]
    source, target = find_columns(wanted, table.columns)
    return source, target


def _report(rows: list[PairRow], total: int, kind: DatasetKind, language: str) -> dict[str, Any]:
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
