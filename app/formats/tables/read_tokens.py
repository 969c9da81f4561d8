"""From an uploaded file of tagged words to the canonical table and the facts about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import (
    ColumnMissing,
    NoUsableRows,
    RowMalformed,
    TooManyLabels,
)
from app.formats.label_report import sort_labels
from app.formats.tables.canonical import TextRow
from app.formats.tables.canonical_tags import TaggedRow, write_tagged_rows
from app.formats.tables.cells import name_of, text_of
from app.formats.tables.columns import Columns, find_columns, find_group
from app.formats.tables.conll import conll_columns
from app.formats.tables.raw_table import Cell, RawTable
from app.formats.tables.report import report_texts
from app.formats.tables.tag_scheme import (
    Normalised,
    complete_labels,
    count_entities,
    normalise_tags,
)
from app.formats.tables.usable_rows import UsableRows, convert_cell

_MOST_TAGS = 500
_ADVICE = 'Write both as lists of one length, such as {"tokens": ["Hi"], "tags": ["O"]}.'


def read_tokens(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the sentences that have words to `canonical`, tags in BIO, and report on them.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    columns = _columns(table, hints)
    read = _read(table, columns)
    if hints.group and all(group is None for *_, group in read.rows):
        raise ColumnMissing({"group": hints.group}, tuple(table.details.get("comments", ())))
    found = normalise_tags([(row, tags) for row, _, tags, _ in read.rows], columns.label)
    rows = [
        TaggedRow(row, words, tags, " ".join(words), group)
        for (row, words, _, group), tags in zip(read.rows, found.tags, strict=True)
    ]
    labels = (
        sort_labels(tag for tags in found.tags for tag in tags)
        if found.scheme == "plain"
        else complete_labels(found.tags)
    )
    if len(labels) > _MOST_TAGS:
        raise TooManyLabels(len(labels), _MOST_TAGS, columns.label)
    write_tagged_rows(rows, canonical)
    report = _report(rows, read, columns, table.details, language)
    return DatasetFacts(
        kind=DatasetKind.TOKENS,
        rows=len(rows),
        labels=labels,
        grouped=any(row.group is not None for row in rows),
        report=report | _report_tags(found),
    )


@dataclass
class _Read:
    """Rows as (number, words, tags, group); `total` counts all, `empty` lists those without."""

    rows: list[tuple[int, list[str], list[str], str | None]] = field(default_factory=list)
    total: int = 0
    empty: list[int] = field(default_factory=list)


def _columns(table: RawTable, hints: DatasetHints) -> Columns:
    if table.details["format"] in ("conll", "conllu"):
        words, tags, group = conll_columns(table, hints.text, hints.label)
        return Columns(words, tags, None if hints.group == "" else group)
    wanted = [("text", hints.text), ("label", hints.label)]
    words, tags = find_columns(wanted, table.columns, {"text": "words", "label": "tags"})
    group = None if hints.group == "" else find_group(hints.group, table.columns)
    return Columns(words, tags, group)


def _read(table: RawTable, columns: Columns) -> _Read:
    read = _Read()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    for number, cells in table.numbered(wanted):
        read.total = number
        if cells is None:
            continue
        words = _list(cells[0], number, columns.text)
        tags = _list(cells[1], number, columns.label)
        if not words and not tags:
            read.empty.append(number)
            continue
        if len(words) != len(tags):
            reason = f"{len(words)} word(s) have {len(tags)} tag(s)"
            raise RowMalformed(number, columns.label, reason, _ADVICE)
        group = convert_cell(name_of, cells[2], number, wanted[2]) if columns.group else None
        read.rows.append((number, words, _named(tags, number, columns.label), group))
    if not read.rows:
        raise NoUsableRows(read.total, "words with tags")
    return read


def _list(cell: Cell, number: int, column: str) -> list[Cell]:
    if cell is None:
        return []
    if not isinstance(cell, list):
        raise RowMalformed(number, column, "a list of words or tags should stand there", _ADVICE)
    return [_text(part, number, column) for part in cell]


def _text(part: Cell, number: int, column: str) -> str:
    convert = text_of if isinstance(part, str) else name_of
    found = convert_cell(convert, part, number, column)
    if found is None:
        raise RowMalformed(number, column, "a word or tag is empty", _ADVICE)
    return found


def _named(tags: list[str], number: int, column: str) -> list[str]:
    if any(tag.isdigit() for tag in tags):
        reason = "a tag is a number, and the file does not say what it stands for"
        raise RowMalformed(number, column, reason, "Write the names of the tags.")
    return tags


def _report(
    rows: list[TaggedRow], read: _Read, columns: Columns, details: dict[str, Any], language: str
) -> dict[str, Any]:
    as_texts = [TextRow(row.row, row.text, " ".join(row.tags), row.group) for row in rows]
    found = UsableRows(as_texts, read.total, read.empty)
    names = [tag for row in rows for tag in row.tags]
    return report_texts(found, columns, details, language, names)


def _report_tags(found: Normalised) -> dict[str, Any]:
    """The scheme of the file, how many tags were rewritten, and the entities of each type."""
    counts = {} if found.scheme == "plain" else count_entities(found.tags)
    return {
        "scheme": {"found": found.scheme, "rewritten": found.changed},
        "entities": {kind: counts[kind] for kind in sorted(counts)},
        "words": sum(map(len, found.tags)),
    }
