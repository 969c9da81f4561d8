"""A single file of word vectors in gzip, as the large ones are published."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from app.artifacts.single_files import vectors_name
from app.domain.errors.archives import ArchiveDamaged, ArchiveTooLarge

_START_BYTES = 64 * 1024
_CHUNK = 1024 * 1024
_DAMAGE = (OSError, EOFError, zlib.error)


def is_compressed_vectors(file: Path) -> bool:
    """Whether `file` is gzip around a single file of word vectors (and no tar)."""
    with file.open("rb") as handle:
        if handle.read(2) != b"\x1f\x8b":
            return False
    return vectors_name(_start(file)) is not None


def unpack_compressed(file: Path, folder: Path, max_bytes: int) -> None:
    """Write what is inside into an absent `folder`, under the name that such a file has there.

    Raises ArchiveDamaged and ArchiveTooLarge.
    """
    folder.mkdir(parents=True)
    left = max_bytes
    target = folder / str(vectors_name(_start(file)))
    try:
        with gzip.open(file) as source, target.open("xb") as handle:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveTooLarge("bytes", max_bytes)
                handle.write(chunk)
    except _DAMAGE as problem:
        raise ArchiveDamaged(str(problem)) from problem


def _start(file: Path) -> bytes:
    """The first bytes inside; none where the file is damaged, which unpacking it tells."""
    try:
        with gzip.open(file) as handle:
            return handle.read(_START_BYTES)
    except _DAMAGE:
        return b""
