"""An uploaded table without what is around it: gzip, an archive of one table, UTF-16."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.artifacts.git_lfs import refuse_pointer
from app.artifacts.members import is_archive, is_beside_the_point, is_tar, read_members
from app.domain.errors.archives import ArchiveDamaged, ArchiveTooLarge
from app.domain.errors.dataset_files import EncodingNotUtf8, SeveralTables

TABLE_NAMES = re.compile(
    r"\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet|xlsx|xlsm|conllu?|iob2?|bio|bioes|bmes)(\.gz)?$",
    re.IGNORECASE,
)
_GZIP = b"\x1f\x8b"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK = 1024 * 1024
_DAMAGE = (OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class Unwrapped:
    """A plain file and the name that it has or would have; `notes` say what was around it."""

    file: Path
    filename: str
    notes: tuple[str, ...] = ()


def unwrap(
    file: Path,
    filename: str,
    place: Path,
    max_bytes: int,
    pairs: bool = False,
    part: str | None = None,
) -> Unwrapped:
    """The table in `file`, written into the folder `place` where something was around it.

    An archive is left as it is unless all in it have the names of tables; of several the one that
    `part` names is read. Two are no fault where they may hold `pairs`, line by line. Raises
    `LfsPointer`, `SeveralTables`, `EncodingNotUtf8`, and the leaves of `errors/archives.py`.
    """
    refuse_pointer(file, filename)
    found = Unwrapped(file, filename)
    if _is_gzip_of_one(file):
        name = re.sub(r"\.gz$", "", filename, flags=re.IGNORECASE)
        target = place / "gunzipped"
        _write(target, _gunzipped(file), max_bytes)
        found = Unwrapped(target, name)
    elif is_archive(file) and not is_spreadsheet(file):
        found = _from_archive(found, place, max_bytes, pairs, part)
    return _in_utf8(found, place)


def is_spreadsheet(file: Path) -> bool:
    """Whether a zip is one of Excel's workbooks."""
    with file.open("rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return False
    return any(member.name == "xl/workbook.xml" for member in read_members(file))


def _is_gzip_of_one(file: Path) -> bool:
    with file.open("rb") as handle:
        if handle.read(2) != _GZIP:
            return False
    try:
        with gzip.open(file) as inner:
            return not is_tar(inner.read(512))
    except _DAMAGE as problem:
        raise ArchiveDamaged(str(problem)) from None


def _gunzipped(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file) as inner:
            while chunk := inner.read(_CHUNK):
                yield chunk
    except _DAMAGE as problem:
        raise ArchiveDamaged(str(problem)) from None


def _write(target: Path, chunks: Iterator[bytes], max_bytes: int) -> None:
    left = max_bytes
    with target.open("xb") as handle:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise ArchiveTooLarge("bytes", max_bytes)
            handle.write(chunk)


def _from_archive(
    sent: Unwrapped, place: Path, max_bytes: int, pairs: bool, part: str | None
) -> Unwrapped:
    """Its one table, or that of the part; the archive itself where it holds anything else."""
    members = [
        member.name
        for member in read_members(sent.file)
        if not (member.is_folder or is_beside_the_point(member.name))
    ]
    if not members or not all(TABLE_NAMES.search(name) for name in members):
        return sent
    if len(members) == 2 and pairs:
        return sent
    chosen = [name for name in members if Path(name).name.split(".")[0] == part] or members
    if len(chosen) > 1:
        raise SeveralTables(sorted(members))
    for member in read_members(sent.file):
        if member.name == chosen[0]:
            _write(place / "member", member.chunks(_CHUNK), max_bytes)
    inner = unwrap(place / "member", Path(chosen[0]).name, place, max_bytes)
    note = f"Of the archive `{chosen[0]}` was read."
    return Unwrapped(inner.file, inner.filename, (note, *inner.notes))


def _in_utf8(sent: Unwrapped, place: Path) -> Unwrapped:
    """UTF-16 with a byte order mark, as Excel's Unicode text has, rewritten as UTF-8."""
    with sent.file.open("rb") as handle:
        start = handle.read(4)
    if not start.startswith(_UTF16_MARKS) or start == codecs.BOM_UTF32_LE:
        return sent
    target = place / "utf-8"
    try:
        with (
            sent.file.open(encoding="utf-16", newline="") as source,
            target.open("x", encoding="utf-8", newline="") as copy,
        ):
            while text := source.read(_CHUNK):
                copy.write(text)
    except UnicodeError:
        raise EncodingNotUtf8(0, 1, "a UTF-16 byte order mark before what is not UTF-16") from None
    return Unwrapped(target, sent.filename, (*sent.notes, "The file was UTF-16."))
