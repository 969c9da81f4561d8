"""Files of tables opened as RawTable: CSV, TSV, Excel, Parquet and plain lines."""

from __future__ import annotations

import csv
import datetime
import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import (
    EncodingNotUtf8,
    FileDamaged,
    NoUsableRows,
    ParallelFilesUnclear,
    ParallelLengthsDiffer,
    RowMalformed,
)
from app.formats.tables.raw_table import Cell, RawTable, count_usual_names

_DELIMITERS = (",", "\t", ";", "|")
_DELIMITER_NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
_SEP_LINE = re.compile(r"[\"']?sep=([,;|:^~\t])[\"']?\r?\n", re.IGNORECASE)
_LONGEST_CELL = 10_000_000
_QUOTING_ADVICE = "Put cells that hold the delimiter, a quote or a line break into double quotes."
PARQUET_MAGIC = b"PAR1"
_PARQUET_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError)
_TAB = "Write the source, one tab and the target on each line, or send a CSV file with a header."
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


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
    columns = _delimited_header(file, delimiter)
    details = {"format": "tsv" if delimiter == "\t" else "csv"}
    details["delimiter"] = _DELIMITER_NAMES.get(delimiter, delimiter)
    return RawTable(columns, partial(_read_delimited, file, delimiter, quoting, columns), details)


def _named_delimiter(file: Path) -> str | None:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        found = _SEP_LINE.fullmatch(handle.readline(20))
    return found.group(1) if found else None


def _open_text(file: Path) -> TextIO:
    """The text from its header on."""
    handle = file.open(encoding="utf-8-sig", newline="")
    start = handle.tell()
    if not _SEP_LINE.fullmatch(handle.readline(20)):
        handle.seek(start)
    return handle


def _fitness(file: Path, hints: DatasetHints, delimiter: str) -> tuple[int, bool, int]:
    """Known column names tell most, then equal row widths, then the number of columns."""
    columns = _delimited_header(file, delimiter)
    with _open_text(file) as handle:
        try:
            widths = {len(row) for row in islice(csv.reader(handle, delimiter=delimiter), 20)}
        except csv.Error:
            widths = set()
    return count_usual_names(columns, hints), len(widths - {0}) == 1, len(columns)


def _delimited_header(file: Path, delimiter: str) -> tuple[str, ...]:
    with _open_text(file) as handle:
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
    columns = _delimited_header(file, delimiter)
    try:
        joined = [
            cell
            for row in _read_delimited(file, delimiter, csv.QUOTE_MINIMAL, columns, columns)
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
        for _ in _read_delimited(file, delimiter, csv.QUOTE_NONE, columns, columns[:1]):
            pass
    except RowMalformed:
        return False
    return True


def _read_delimited(
    file: Path, delimiter: str, quoting: int, columns: tuple[str, ...], wanted: tuple[str, ...]
) -> Iterator[tuple[Cell, ...]]:
    positions = [columns.index(column) for column in wanted]
    with _open_text(file) as handle:
        rows = csv.reader(handle, delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
        number = 0
        try:
            next(rows, None)
            for number, row in enumerate(rows, start=1):
                _check_width(row, number, columns)
                yield tuple(row[i] if row else None for i in positions)
        except csv.Error as problem:
            raise RowMalformed(number + 1, None, str(problem), _QUOTING_ADVICE) from None


def _check_width(row: list[str], number: int, columns: tuple[str, ...]) -> None:
    """Spreadsheets add empty cells at the end of some rows; nothing else may be over."""
    if row and (len(row) < len(columns) or any(row[len(columns) :])):
        reason = f"it has {len(row)} cell(s), the header has {len(columns)}"
        raise RowMalformed(number, None, reason, _QUOTING_ADVICE)


def open_spreadsheet(file: Path, hints: DatasetHints) -> RawTable:
    """The table of a workbook: of several sheets the one whose header has most usual names.

    Its first row that is not empty is the header. Formulas are read by their last result. Raises
    `FileDamaged` and `NoUsableRows`.
    """
    sheets = {name: rows for name, rows in _sheets(file) if rows}
    if not sheets:
        raise NoUsableRows(0, "a cell")
    chosen = max(sheets, key=lambda name: count_usual_names(_sheet_header(sheets[name]), hints))
    columns, rows = _sheet_header(sheets[chosen]), sheets[chosen][1:]

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        positions = [columns.index(column) for column in wanted]
        return (tuple(_cell_as_csv(row[i]) for i in positions) for row in rows)

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


def _sheet_header(rows: list[list[Any]]) -> tuple[str, ...]:
    return tuple((_cell_as_csv(cell) or "").strip() for cell in rows[0])


def _cell_as_csv(cell: Any) -> str | None:
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


def open_parquet(file: Path) -> RawTable:
    """The table of a Parquet file; only the columns that are asked for are decoded.

    Raises `FileDamaged`. Integer labels become their names where the file carries the feature
    description that the `datasets` library writes.
    """
    try:
        schema = pq.read_schema(file)
    except _PARQUET_ERRORS as problem:
        raise FileDamaged("Parquet", str(problem).splitlines()[0]) from None
    names = _class_names(schema)
    return RawTable(
        tuple(schema.names),
        partial(_read_parquet, file, names),
        {"format": "parquet"},
        class_names=names,
    )


def _read_parquet(
    file: Path, names: dict[str, list[str]], wanted: tuple[str, ...]
) -> Iterator[tuple[Cell, ...]]:
    try:
        for batch in pq.ParquetFile(file).iter_batches(10_000, columns=list(dict.fromkeys(wanted))):
            # The first of those of one name; which of them is meant is asked before it is read.
            places = [batch.schema.get_all_field_indices(column)[0] for column in wanted]
            cells = [
                _named(batch.column(place).to_pylist(), names.get(column))
                for place, column in zip(places, wanted, strict=True)
            ]
            yield from zip(*cells, strict=True)
    except _PARQUET_ERRORS as problem:
        raise FileDamaged("Parquet", str(problem).splitlines()[0]) from None


def _named(cells: list[Cell], names: list[str] | None) -> list[Cell]:
    """Numbers as their names, also within lists."""
    if names is None:
        return cells
    return [
        _named(c, names)
        if isinstance(c, list)
        else (names[c] if isinstance(c, int) and 0 <= c < len(names) else None)
        for c in cells
    ]


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of each column that the schema's metadata declares a ClassLabel."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    if not isinstance(described, dict):
        return {}
    return {
        column: [str(name) for name in names]
        for column, feature in described.items()
        if isinstance(names := _names_of(feature), list)
    }


def _names_of(feature: Any) -> Any:
    """Of a ClassLabel, or of a list of them (`[feature]` or `{"feature": feature}`)."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_of(feature[0])
    if not isinstance(feature, dict):
        return None
    return feature.get("names") or _names_of(feature.get("feature"))


def open_lines(file: Path) -> RawTable:
    """Each line is the text of one row; raises `EncodingNotUtf8`."""
    check_utf8(file)

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        return ((line,) for line in read_lines(file))

    return RawTable(("text",), read, {"format": "lines"})


def open_pair_lines(file: Path, spaces: bool) -> RawTable:
    """Each line is a source and a target with a tab between them.

    With `spaces`, white space divides a line without a tab, as in lists of word pairs. Raises
    `EncodingNotUtf8`; reading raises `RowMalformed` where a line has not two parts.
    """
    check_utf8(file)

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        for number, line in enumerate(read_lines(file), start=1):
            yield _split_pair(line, number, spaces)

    return RawTable(("source", "target"), read, {"format": "lines"})


def read_lines(file: Path) -> Iterator[str]:
    """The lines without their ends; only a line feed ends a line, as other tools count them."""
    with file.open(encoding="utf-8-sig", newline="\n") as handle:
        for line in handle:
            yield line.rstrip("\r\n")


def _split_pair(line: str, number: int, spaces: bool) -> tuple[str | None, str | None]:
    parts = line.split("\t") if "\t" in line or not spaces else line.split()
    if not line.strip():
        return None, None
    if len(parts) != 2:
        raise RowMalformed(number, None, f"it has {len(parts)} part(s) instead of two", _TAB)
    return parts[0], parts[1]


def open_parallel_files(folder: Path, hints: DatasetHints, language: str) -> RawTable:
    """The table of an unpacked archive: line i of one file is translated by line i of the other.

    The target file is the one named by the hint, or whose name ends in the code of `language`
    (`corpus.de`, `de.txt`). Raises `ParallelFilesUnclear`, `ParallelLengthsDiffer` and
    `EncodingNotUtf8`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    if len(files) != 2:
        raise ParallelFilesUnclear(names, f"there are {len(files)} files instead of two")
    target = _target_file(names, hints, language)
    source_file, target_file = files[1 - target], files[target]
    for file in files:
        check_utf8(file)
    lengths = [sum(1 for _ in read_lines(file)) for file in (source_file, target_file)]
    if lengths[0] != lengths[1]:
        raise ParallelLengthsDiffer(names[1 - target], lengths[0], names[target], lengths[1])

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        return zip(read_lines(source_file), read_lines(target_file), strict=True)

    return RawTable(("source", "target"), read, {"format": "two-files", "files": names})


def _target_file(names: list[str], hints: DatasetHints, language: str) -> int:
    if hints.target in names:
        return names.index(hints.target)
    if hints.source in names:
        return 1 - names.index(hints.source)
    code = language.split("-")[0].casefold()
    found = [i for i, name in enumerate(names) if code in _name_parts(name)]
    if len(found) != 1:
        raise ParallelFilesUnclear(names, f"none, or both, are named for `{code}`")
    return found[0]


def _name_parts(name: str) -> list[str]:
    plain = name.casefold().rpartition("/")[2]
    return plain.replace("-", ".").replace("_", ".").split(".")


def check_utf8(file: Path) -> None:
    """Raise `EncodingNotUtf8` at the first byte that is not UTF-8 text; a UTF-8 mark is fine."""
    offset = 0
    with file.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            if number == 1 and line.startswith(UTF16_MARKS):
                raise EncodingNotUtf8(0, 1, "a UTF-16 byte order mark")
            _check_line(line, number, offset)
            offset += len(line)


def _check_line(line: bytes, number: int, offset: int) -> None:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as problem:
        found = f"byte 0x{line[problem.start]:02X}"
        raise EncodingNotUtf8(offset + problem.start, number, found) from None
    if (zero := line.find(b"\0")) >= 0:
        raise EncodingNotUtf8(offset + zero, number, "a zero byte (a binary file, or UTF-16)")
