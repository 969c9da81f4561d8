"""Text files without a header: one text, or one pair, on each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.domain.errors.dataset_files import RowMalformed
from app.formats.tables.encoding import check_utf8
from app.formats.tables.raw_table import Cell, RawTable

_TAB = "Write the source, one tab and the target on each line, or send a CSV file with a header."


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
            yield _divide(line, number, spaces)

    return RawTable(("source", "target"), read, {"format": "lines"})


def read_lines(file: Path) -> Iterator[str]:
    """The lines without their ends; only a line feed ends a line, as other tools count them."""
    with file.open(encoding="utf-8-sig", newline="\n") as handle:
        for line in handle:
            yield line.rstrip("\r\n")


def _divide(line: str, number: int, spaces: bool) -> tuple[str | None, str | None]:
    parts = line.split("\t") if "\t" in line or not spaces else line.split()
    if not line.strip():
        return None, None
    if len(parts) != 2:
        raise RowMalformed(number, None, f"it has {len(parts)} part(s) instead of two", _TAB)
    return parts[0], parts[1]
