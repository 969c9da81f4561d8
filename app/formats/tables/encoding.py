"""UTF-8 or a clear word about where it is not."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors.dataset_files import EncodingNotUtf8

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_utf8(file: Path) -> None:
    """Raise `EncodingNotUtf8` at the first byte that is not UTF-8 text; a UTF-8 mark is fine."""
    offset = 0
    with file.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            if number == 1 and line.startswith(_UTF16_MARKS):
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
