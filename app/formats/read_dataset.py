"""Reads an uploaded dataset of any kind; runs in the reading child."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.members import is_archive
from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import DatasetFormatUnknown, DatasetKindDiffers
from app.formats.images.read_images import read_images
from app.formats.tables.delimited import open_delimited
from app.formats.tables.json_lines import open_json_lines
from app.formats.tables.parquet import MAGIC, open_parquet
from app.formats.tables.raw_table import RawTable
from app.formats.tables.read_texts import read_texts

_TEXT_NAMES = re.compile(r"\.(csv|tsv|tab|txt|jsonl|ndjson|json)$", re.IGNORECASE)
_JSON_NAMES = re.compile(r"\.(jsonl|ndjson|json)$", re.IGNORECASE)


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
    file, wanted = Path(upload), TypeAdapter(DatasetHints).validate_python(hints)
    found = DatasetKind.IMAGES if is_archive(file) else DatasetKind.LABELLED
    if wanted.kind not in (None, found):
        raise DatasetKindDiffers(wanted.kind, found)
    if found is DatasetKind.IMAGES:
        facts = read_images(file, filename, Path(canonical), max_bytes, max_members)
    else:
        facts = read_texts(_open_table(file, filename, wanted), wanted, language, Path(canonical))
    answer: dict[str, Any] = TypeAdapter(DatasetFacts).dump_python(facts, mode="json")
    return answer


def _open_table(file: Path, filename: str, hints: DatasetHints) -> RawTable:
    """The content's own signature goes before the file's name."""
    with file.open("rb") as handle:
        start = handle.read(4096)
    if not start:
        raise DatasetFormatUnknown(filename, "it is empty")
    if start.startswith(MAGIC):
        return open_parquet(file)
    if not _TEXT_NAMES.search(filename) and b"\0" in start:
        raise DatasetFormatUnknown(filename, "it is neither text nor a known binary format")
    if _JSON_NAMES.search(filename) or start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return open_json_lines(file)
    return open_delimited(file, hints)
