"""Reads an uploaded dataset of any kind; runs in the reading child."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.archive import unpack
from app.artifacts.members import is_archive
from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import DatasetFormatUnknown, DatasetKindDiffers
from app.formats.images.idx import is_idx
from app.formats.images.read_images import read_images
from app.formats.tables.columns import find_ids, note_ids
from app.formats.tables.conll import open_conll
from app.formats.tables.delimited import open_delimited
from app.formats.tables.json_rows import open_json
from app.formats.tables.kind import kind_of_table
from app.formats.tables.parallel_files import open_parallel_files
from app.formats.tables.parquet import MAGIC, open_parquet
from app.formats.tables.plain_lines import open_lines, open_pair_lines
from app.formats.tables.raw_table import RawTable
from app.formats.tables.read_label_sets import read_label_sets
from app.formats.tables.read_pairs import read_pairs
from app.formats.tables.read_texts import read_texts
from app.formats.tables.read_tokens import read_tokens
from app.formats.tables.read_unlabelled import read_unlabelled
from app.formats.tables.report import with_left_out
from app.formats.tables.spreadsheet import open_spreadsheet
from app.formats.unwrap import Unwrapped, is_spreadsheet, unwrap

_TEXT_NAMES = re.compile(r"\.(csv|tsv|tab|txt|jsonl|ndjson|json)$", re.IGNORECASE)
_TABLE_NAMES = re.compile(r"\.(csv|tsv|tab)$", re.IGNORECASE)
_CONLL_NAMES = re.compile(r"\.(conllu?|iob2?|bio|bioes|bmes)$", re.IGNORECASE)
_JSON_NAMES = re.compile(r"\.(jsonl|ndjson|json)$", re.IGNORECASE)
_READERS: dict[DatasetKind, Callable[[RawTable, DatasetHints, str, Path], DatasetFacts]] = {
    DatasetKind.LABELLED: read_texts,
    DatasetKind.MULTI_LABELLED: read_label_sets,
    DatasetKind.TOKENS: read_tokens,
    DatasetKind.UNLABELLED: read_unlabelled,
}


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
    wanted = TypeAdapter(DatasetHints).validate_python(hints)
    pairs = wanted.kind in (DatasetKind.PARALLEL, DatasetKind.DICTIONARY)
    with tempfile.TemporaryDirectory(dir=Path(upload).parent) as place:
        sent = unwrap(Path(upload), filename, Path(place), max_bytes, pairs, wanted.part)
        facts = _read(sent, wanted, language, Path(canonical), (max_bytes, max_members))
    notes = [*sent.notes, *facts.report["notes"]]
    facts = replace(facts, report=facts.report | {"notes": notes})
    answer: dict[str, Any] = TypeAdapter(DatasetFacts).dump_python(facts, mode="json")
    return answer


def _read(
    sent: Unwrapped, hints: DatasetHints, language: str, canonical: Path, limits: tuple[int, int]
) -> DatasetFacts:
    archive = is_archive(sent.file) and not is_spreadsheet(sent.file)
    holds_images = archive or is_idx(sent.file)
    kind = hints.kind or (DatasetKind.IMAGES if holds_images else DatasetKind.LABELLED)
    if kind is DatasetKind.IMAGES:
        if not holds_images:
            raise DatasetKindDiffers(kind, DatasetKind.LABELLED)
        return read_images(sent.file, sent.filename, canonical, *limits, hints.part)
    if kind in (DatasetKind.PARALLEL, DatasetKind.DICTIONARY):
        with _open_pairs(sent, hints, language, limits) as table:
            return with_left_out(read_pairs(table, kind, hints, language, canonical), table)
    if archive:
        raise DatasetKindDiffers(kind, DatasetKind.IMAGES)
    return _read_table(sent.file, sent.filename, hints, language, canonical)


def _read_table(
    file: Path, filename: str, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    kind = hints.kind or (DatasetKind.TOKENS if _CONLL_NAMES.search(filename) else None)
    if kind is DatasetKind.UNLABELLED:
        table = _open_table(file, filename, hints, open_lines)
    elif kind is DatasetKind.TOKENS:
        # A TSV file of tagged words has no header: it is CoNLL.
        table = _open_table(
            file, _TABLE_NAMES.sub("", filename), hints, partial(open_conll, group=hints.group)
        )
    else:
        table = _open_table(file, filename, hints)
    kind = kind or kind_of_table(table, hints)
    facts = with_left_out(_READERS[kind](table, hints, language, canonical), table)
    return facts if kind is DatasetKind.UNLABELLED else _with_question(facts, table, hints)


def _with_question(facts: DatasetFacts, table: RawTable, hints: DatasetHints) -> DatasetFacts:
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


@contextmanager
def _open_pairs(
    sent: Unwrapped, hints: DatasetHints, language: str, limits: tuple[int, int]
) -> Iterator[RawTable]:
    if is_archive(sent.file) and not is_spreadsheet(sent.file):
        with tempfile.TemporaryDirectory(dir=sent.file.parent) as place:
            folder = Path(place) / "unpacked"
            unpack(sent.file, folder, *limits)
            yield open_parallel_files(folder, hints, language)
        return
    spaces = hints.kind is DatasetKind.DICTIONARY
    yield _open_table(sent.file, sent.filename, hints, partial(open_pair_lines, spaces=spaces))


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
    if start.startswith(MAGIC):
        return open_parquet(file)
    if is_spreadsheet(file):
        return open_spreadsheet(file, hints)
    if not _TEXT_NAMES.search(filename) and b"\0" in start:
        raise DatasetFormatUnknown(filename, "it is neither text nor a known binary format")
    if _JSON_NAMES.search(filename) or _begins_like_json(start):
        return open_json(file, hints)
    if open_plain is not None and not _TABLE_NAMES.search(filename):
        return open_plain(file)
    return open_delimited(file, hints)


def _begins_like_json(start: bytes) -> bool:
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return plain[:1] == b"{" or re.match(rb"\[\s*\{", plain) is not None
