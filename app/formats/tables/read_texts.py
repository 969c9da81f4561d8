"""From an uploaded text file to the canonical table and the facts about it."""

from __future__ import annotations

from pathlib import Path

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import TooManyLabels
from app.formats.label_report import sort_labels
from app.formats.tables.canonical import write_text_rows
from app.formats.tables.columns import choose_columns
from app.formats.tables.raw_table import RawTable
from app.formats.tables.report import report_texts
from app.formats.tables.usable_rows import usable_rows

_MOST_LABELS = 2000


def read_texts(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the usable rows to `canonical` and report on the table.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    columns = choose_columns(table.columns, hints)
    found = usable_rows(table, columns)
    labels = sort_labels(row.label for row in found.rows)
    if len(labels) > _MOST_LABELS:
        raise TooManyLabels(len(labels), _MOST_LABELS, columns.label)
    write_text_rows(found.rows, canonical)
    return DatasetFacts(
        kind=DatasetKind.LABELLED,
        rows=len(found.rows),
        labels=labels,
        grouped=any(row.group is not None for row in found.rows),
        report=report_texts(found, columns, table.details, language),
    )
