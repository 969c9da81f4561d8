"""Reads an uploaded dataset of any kind, in the reading child; unpacks gzip and archives."""

from __future__ import annotations

import codecs
import gzip
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.archive import is_archive, is_not_content, is_tar, read_members, unpack
from app.artifacts.single_files import refuse_lfs_pointer
from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import (
    DatasetFormatUnknown,
    DatasetKindDiffers,
    EncodingNotUtf8,
    SeveralTables,
)
from app.domain.errors.requests import ArchiveDamaged, ArchiveTooLarge
from app.formats.images.read_images import read_images
from app.formats.images.readers import is_idx
from app.formats.tables.json_rows import open_json
from app.formats.tables.raw_table import RawTable, find_ids, is_usual_name, note_ids
from app.formats.tables.read_texts import (
    read_label_sets,
    read_pairs,
    read_texts,
    read_unlabelled,
    with_left_out,
)
from app.formats.tables.read_tokens import open_conll, read_tokens
from app.formats.tables.readers import (
    PARQUET_MAGIC,
    UTF16_MARKS,
    open_delimited,
    open_lines,
    open_pair_lines,
    open_parallel_files,
    open_parquet,
    open_spreadsheet,
)

_TEXT_NAMES = re.compile(r"\.(csv|tsv|tab|txt|jsonl|ndjson|json)$", re.IGNORECASE)
_DELIMITED_NAMES = re.compile(r"\.(csv|tsv|tab)$", re.IGNORECASE)
_CONLL_NAMES = re.compile(r"\.(conllu?|iob2?|bio|bioes|bmes)$", re.IGNORECASE)
_JSON_NAMES = re.compile(r"\.(jsonl|ndjson|json)$", re.IGNORECASE)
_READERS: dict[DatasetKind, Callable[[RawTable, DatasetHints, str, Path], DatasetFacts]] = {
    DatasetKind.LABELLED: read_texts,
    DatasetKind.MULTI_LABELLED: read_label_sets,
    DatasetKind.TOKENS: read_tokens,
    DatasetKind.UNLABELLED: read_unlabelled,
}
_ROWS_TO_DETECT_KIND = 100
TABLE_NAMES = re.compile(
    r"\.(csv|tsv|tab|txt|jsonl|ndjson|json|parquet|xlsx|xlsm|conllu?|iob2?|bio|bioes|bmes)(\.gz)?$",
    re.IGNORECASE,
)
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1024 * 1024
_DAMAGE_ERRORS = (OSError, EOFError, zlib.error)


def read_dataset(
    upload: str,
    filename: str,
    hints: dict[str, Any],
    language: str,
    canonical: str,
    max_bytes: int,
    max_members: int,
) -> dict[str, Any]:
    """Write the canonical file and return the facts as JSON; raises `RejectedFile` leaves."""
    dataset_hints = TypeAdapter(DatasetHints).validate_python(hints)
    pairs = dataset_hints.kind in (DatasetKind.PARALLEL, DatasetKind.DICTIONARY)
    with tempfile.TemporaryDirectory(dir=Path(upload).parent) as folder:
        unwrapped = unwrap(
            Path(upload), filename, Path(folder), max_bytes, pairs, dataset_hints.part
        )
        facts = _read(unwrapped, dataset_hints, language, Path(canonical), (max_bytes, max_members))
    notes = [*unwrapped.notes, *facts.report["notes"]]
    facts = replace(facts, report=facts.report | {"notes": notes})
    dumped: dict[str, Any] = TypeAdapter(DatasetFacts).dump_python(facts, mode="json")
    return dumped


def _read(
    unwrapped: Unwrapped,
    hints: DatasetHints,
    language: str,
    canonical: Path,
    limits: tuple[int, int],
) -> DatasetFacts:
    archive = is_archive(unwrapped.file) and not is_spreadsheet(unwrapped.file)
    holds_images = archive or is_idx(unwrapped.file)
    kind = hints.kind or (DatasetKind.IMAGES if holds_images else DatasetKind.LABELLED)
    if kind is DatasetKind.IMAGES:
        if not holds_images:
            raise DatasetKindDiffers(kind, DatasetKind.LABELLED)
        return read_images(unwrapped.file, unwrapped.filename, canonical, *limits, hints.part)
    if kind in (DatasetKind.PARALLEL, DatasetKind.DICTIONARY):
        with _open_pairs(unwrapped, hints, language, limits) as table:
            return with_left_out(read_pairs(table, kind, hints, language, canonical), table)
    if archive:
        raise DatasetKindDiffers(kind, DatasetKind.IMAGES)
    return _read_table(unwrapped.file, unwrapped.filename, hints, language, canonical)


def _read_table(
    file: Path, filename: str, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    kind = hints.kind or (DatasetKind.TOKENS if _CONLL_NAMES.search(filename) else None)
    if kind is DatasetKind.UNLABELLED:
        table = _open_table(file, filename, hints, open_lines)
    elif kind is DatasetKind.TOKENS:
        # A TSV file of tagged words has no header: it is CoNLL.
        table = _open_table(
            file, _DELIMITED_NAMES.sub("", filename), hints, partial(open_conll, group=hints.group)
        )
    else:
        table = _open_table(file, filename, hints)
    kind = kind or detect_table_kind(table, hints)
    facts = with_left_out(_READERS[kind](table, hints, language, canonical), table)
    return facts if kind is DatasetKind.UNLABELLED else _note_id_columns(facts, table, hints)


def _note_id_columns(facts: DatasetFacts, table: RawTable, hints: DatasetHints) -> DatasetFacts:
    """Notes that ask about columns of ids, where the user has not said which the group is."""
    if hints.group is not None or facts.grouped:
        return facts
    ids = find_ids(table.columns)
    unique = [column for column in ids if _is_unique(table, column)]
    questions = note_ids([*ids, *find_ids(tuple(table.details.get("comments", ())))], unique)
    return replace(facts, report=facts.report | {"notes": [*facts.report["notes"], *questions]})


def _is_unique(table: RawTable, column: str) -> bool:
    """Whether no two rows have the same value, be it a number, a text or missing."""
    seen: set[str] = set()
    for number, (cell,) in enumerate(table.read((column,))):
        seen.add(str(cell))
        if len(seen) <= number:
            return False
    return True


@dataclass(frozen=True)
class Unwrapped:
    """A plain file and the name that it has or would have; `notes` say what was around it."""

    file: Path
    filename: str
    notes: tuple[str, ...] = ()


@contextmanager
def _open_pairs(
    unwrapped: Unwrapped, hints: DatasetHints, language: str, limits: tuple[int, int]
) -> Iterator[RawTable]:
    if is_archive(unwrapped.file) and not is_spreadsheet(unwrapped.file):
        with tempfile.TemporaryDirectory(dir=unwrapped.file.parent) as temporary:
            folder = Path(temporary) / "unpacked"
            unpack(unwrapped.file, folder, *limits)
            yield open_parallel_files(folder, hints, language)
        return
    spaces = hints.kind is DatasetKind.DICTIONARY
    yield _open_table(
        unwrapped.file, unwrapped.filename, hints, partial(open_pair_lines, spaces=spaces)
    )


def _open_table(
    file: Path,
    filename: str,
    hints: DatasetHints,
    open_plain: Callable[[Path], RawTable] | None = None,
) -> RawTable:
    """The content's own signature goes before the file's name.

    `open_plain` reads files whose name is not that of a table, where the kind allows such.
    """
    with file.open("rb") as handle:
        start = handle.read(4096)
    if not start:
        raise DatasetFormatUnknown(filename, "it is empty")
    if start.startswith(PARQUET_MAGIC):
        return open_parquet(file)
    if is_spreadsheet(file):
        return open_spreadsheet(file, hints)
    if not _TEXT_NAMES.search(filename) and b"\0" in start:
        raise DatasetFormatUnknown(filename, "it is neither text nor a known binary format")
    if _JSON_NAMES.search(filename) or _begins_like_json(start):
        return open_json(file, hints)
    if open_plain is not None and not _DELIMITED_NAMES.search(filename):
        return open_plain(file)
    return open_delimited(file, hints)


def _begins_like_json(start: bytes) -> bool:
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return plain[:1] == b"{" or re.match(rb"\[\s*\{", plain) is not None


def detect_table_kind(table: RawTable, hints: DatasetHints) -> DatasetKind:
    """Tagged words where a column of words holds lists, several labels where another one does.

    A `separator` says that one cell holds several labels; all other tables have one in each row,
    be it in a list by itself, as tools of annotation write it.
    """
    if hints.separator:
        return DatasetKind.MULTI_LABELLED
    lists = {
        column
        for cells in islice(table.read(table.columns), _ROWS_TO_DETECT_KIND)
        for column, cell in zip(table.columns, cells, strict=True)
        if isinstance(cell, list)
    }
    if any(column == hints.text or is_usual_name("words", column) for column in lists):
        return DatasetKind.TOKENS
    labels = [column for column in lists if column == hints.label or is_usual_name("label", column)]
    if any(has_lists_of_several(table, column) for column in labels):
        return DatasetKind.MULTI_LABELLED
    return DatasetKind.LABELLED


def has_lists_of_several(table: RawTable, column: str) -> bool:
    """Whether a cell of the column is a list of more than one."""
    return any(isinstance(cell, list) and len(cell) > 1 for (cell,) in table.read((column,)))


def unwrap(
    file: Path,
    filename: str,
    folder: Path,
    max_bytes: int,
    pairs: bool = False,
    part: str | None = None,
) -> Unwrapped:
    """The table in `file`, written into `folder` where gzip or an archive was around it.

    An archive is left as it is unless all in it have the names of tables; of several the one that
    `part` names is read. Two are no fault where they may hold `pairs`, line by line. Raises
    `LfsPointer`, `SeveralTables`, `EncodingNotUtf8`, `ArchiveDamaged` and `ArchiveTooLarge`.
    """
    refuse_lfs_pointer(file, filename)
    found = Unwrapped(file, filename)
    if _is_gzip_of_one(file):
        name = re.sub(r"\.gz$", "", filename, flags=re.IGNORECASE)
        target = folder / "gunzipped"
        _write(target, _gunzipped(file), max_bytes)
        found = Unwrapped(target, name)
    elif is_archive(file) and not is_spreadsheet(file):
        found = _from_archive(found, folder, max_bytes, pairs, part)
    return _in_utf8(found, folder)


def is_spreadsheet(file: Path) -> bool:
    """Whether a zip is one of Excel's workbooks."""
    with file.open("rb") as handle:
        if handle.read(4) != b"PK\x03\x04":
            return False
    return any(member.name == "xl/workbook.xml" for member in read_members(file))


def _is_gzip_of_one(file: Path) -> bool:
    with file.open("rb") as handle:
        if handle.read(2) != _GZIP_MAGIC:
            return False
    try:
        with gzip.open(file) as inner:
            return not is_tar(inner.read(512))
    except _DAMAGE_ERRORS as problem:
        raise ArchiveDamaged(str(problem)) from None


def _gunzipped(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file) as inner:
            while chunk := inner.read(_CHUNK):
                yield chunk
    except _DAMAGE_ERRORS as problem:
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
    unwrapped: Unwrapped, folder: Path, max_bytes: int, pairs: bool, part: str | None
) -> Unwrapped:
    """Its one table, or that of the part; the archive itself where it holds anything else."""
    members = [
        member.name
        for member in read_members(unwrapped.file)
        if not (member.is_folder or is_not_content(member.name))
    ]
    if not members or not all(TABLE_NAMES.search(name) for name in members):
        return unwrapped
    if len(members) == 2 and pairs:
        return unwrapped
    chosen = [name for name in members if Path(name).name.split(".")[0] == part] or members
    if len(chosen) > 1:
        raise SeveralTables(sorted(members))
    for member in read_members(unwrapped.file):
        if member.name == chosen[0]:
            _write(folder / "member", member.chunks(_CHUNK), max_bytes)
    inner = unwrap(folder / "member", Path(chosen[0]).name, folder, max_bytes)
    note = f"Of the archive `{chosen[0]}` was read."
    return Unwrapped(inner.file, inner.filename, (note, *inner.notes))


def _in_utf8(unwrapped: Unwrapped, folder: Path) -> Unwrapped:
    """UTF-16 with a byte order mark, as Excel's Unicode text has, rewritten as UTF-8."""
    with unwrapped.file.open("rb") as handle:
        start = handle.read(4)
    if not start.startswith(UTF16_MARKS) or start == codecs.BOM_UTF32_LE:
        return unwrapped
    target = folder / "utf-8"
    try:
        with (
            unwrapped.file.open(encoding="utf-16", newline="") as source,
            target.open("x", encoding="utf-8", newline="") as copy,
        ):
            while text := source.read(_CHUNK):
                copy.write(text)
    except UnicodeError:
        raise EncodingNotUtf8(0, 1, "a UTF-16 byte order mark before what is not UTF-16") from None
    return Unwrapped(target, unwrapped.filename, (*unwrapped.notes, "The file was UTF-16."))
