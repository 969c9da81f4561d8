"""CSV and TSV: the delimiter is found by the header, cells stay the text they are."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import RowMalformed
from app.formats.tables.columns import count_usual_names
from app.formats.tables.encoding import check_utf8
from app.formats.tables.raw_table import Cell, RawTable

_DELIMITERS = (",", "\t", ";", "|")
_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
_SEPARATOR = re.compile(r"[\"']?sep=([,;|:^~\t])[\"']?\r?\n", re.IGNORECASE)
_LONGEST_CELL = 10_000_000
_QUOTE = "Put cells that hold the delimiter, a quote or a line break into double quotes."


def open_delimited(file: Path, hints: DatasetHints) -> RawTable:
    """The table of a file with a header line; raises `EncodingNotUtf8`.

    A first line `sep=;`, which Excel wants to see, names the delimiter and is no row. Reading
    rows raises `RowMalformed` where the number of cells is not the header's.
    """
    check_utf8(file)
    csv.field_size_limit(_LONGEST_CELL)
    named = _named_delimiter(file)
    delimiter = named or max(_DELIMITERS, key=partial(_fitness, file, hints))
    quoting = _quoting(file, delimiter)
    columns = _header(file, delimiter)
    details = {"format": "tsv" if delimiter == "\t" else "csv"}
    details["delimiter"] = _NAMES.get(delimiter, delimiter)
    return RawTable(columns, partial(_read, file, delimiter, quoting, columns), details)


def _named_delimiter(file: Path) -> str | None:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        found = _SEPARATOR.fullmatch(handle.readline(20))
    return found.group(1) if found else None


def _open(file: Path) -> TextIO:
    """The text from its header on."""
    handle = file.open(encoding="utf-8-sig", newline="")
    start = handle.tell()
    if not _SEPARATOR.fullmatch(handle.readline(20)):
        handle.seek(start)
    return handle


def _fitness(file: Path, hints: DatasetHints, delimiter: str) -> tuple[int, bool, int]:
    """Known column names tell most, then equal row widths, then the number of columns."""
    columns = _header(file, delimiter)
    with _open(file) as handle:
        try:
            widths = {len(row) for row in islice(csv.reader(handle, delimiter=delimiter), 20)}
        except csv.Error:
            widths = set()
    return count_usual_names(columns, hints), len(widths - {0}) == 1, len(columns)


def _header(file: Path, delimiter: str) -> tuple[str, ...]:
    with _open(file) as handle:
        try:
            return tuple(cell.strip() for cell in next(csv.reader(handle, delimiter=delimiter), ()))
        except csv.Error:
            return ()


def _quoting(file: Path, delimiter: str) -> int:
    """Quotes mean what they mean in CSV, but in many TSV files they are plain characters.

    So they are where they do not pair, and where a pair would join rows that are whole without it.
    """
    if delimiter != "\t":
        return csv.QUOTE_MINIMAL
    columns = _header(file, delimiter)
    try:
        joined = [
            cell
            for row in _read(file, delimiter, csv.QUOTE_MINIMAL, columns, columns)
            for cell in row
            if cell and delimiter in cell and ("\n" in cell or "\r" in cell)
        ]
    except RowMalformed:
        return csv.QUOTE_NONE
    plain = joined and _is_regular(file, delimiter, columns)
    return csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL


def _is_regular(file: Path, delimiter: str, columns: tuple[str, ...]) -> bool:
    """Whether every line is a row of the header's width."""
    try:
        for _ in _read(file, delimiter, csv.QUOTE_NONE, columns, columns[:1]):
            pass
    except RowMalformed:
        return False
    return True


def _read(
    file: Path, delimiter: str, quoting: int, columns: tuple[str, ...], wanted: tuple[str, ...]
) -> Iterator[tuple[Cell, ...]]:
    positions = [columns.index(column) for column in wanted]
    with _open(file) as handle:
        rows = csv.reader(handle, delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
        number = 0
        try:
            next(rows, None)
            for number, row in enumerate(rows, start=1):
                _check_width(row, number, columns)
                yield tuple(row[i] if row else None for i in positions)
        except csv.Error as problem:
            raise RowMalformed(number + 1, None, str(problem), _QUOTE) from None


def _check_width(row: list[str], number: int, columns: tuple[str, ...]) -> None:
    """Spreadsheets add empty cells at the end of some rows; nothing else may be over."""
    if row and (len(row) < len(columns) or any(row[len(columns) :])):
        reason = f"it has {len(row)} cell(s), the header has {len(columns)}"
        raise RowMalformed(number, None, reason, _QUOTE)
