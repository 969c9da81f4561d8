"""Inspects an uploaded dataset in a child process, the only place where it is ever read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from app.domain.datasets import DatasetFacts, DatasetHints
from app.formats.reading_child import read_in_child
from app.settings import Settings


def inspect_dataset(
    upload: Path,
    filename: str,
    hints: DatasetHints,
    language: str,
    canonical: Path,
    limits: Settings,
) -> DatasetFacts:
    """Write the canonical file (Parquet for text, safetensors for images) and say what is in it.

    `filename` is the name that the user gave the file; `language` is a parsed BCP-47 tag. Raises
    `RejectedFile` with the leaf's own code; `canonical` is then undefined.
    """
    facts = read_in_child(
        "app.formats.read_dataset:read_dataset",
        {
            "upload": str(upload),
            "filename": filename,
            "hints": asdict(hints),
            "language": language,
            "canonical": str(canonical),
            "max_bytes": limits.max_unpacked_bytes,
            "max_members": limits.max_archive_members,
        },
        seconds=limits.inspection_seconds,
        memory_bytes=limits.inspection_memory_bytes,
    )
    return TypeAdapter(DatasetFacts).validate_python(facts)
