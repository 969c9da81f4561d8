"""Files that were found to hold the bytes that their digest says."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


class VerifiedFiles:
    """Remembers in this process which files had the right bytes, until they change.

    A file is read through at its first use; later uses cost one look at its inode, size and time
    of change. Bytes that rot on the disk afterwards are found by the next process.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[str, int, int, int]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process verifies by itself."""
        return VerifiedFiles, ()

    def holds(self, file: Path, digest: str) -> bool:
        """Whether the file's SHA-256 is `digest`; raises FileNotFoundError."""
        # Looked at before it is read, so that a change meanwhile is seen the next time.
        mark = _mark(file, digest)
        if self._seen.get(file) == mark:
            return True
        if digest_of(file) != digest:
            self._seen.pop(file, None)
            return False
        self._seen[file] = mark
        return True

    def trust(self, file: Path, digest: str) -> None:
        """Take note that a file was just written from bytes that were hashed."""
        # A collection may have removed it already; whoever needs it looks again under the lock.
        with suppress(FileNotFoundError):
            self._seen[file] = _mark(file, digest)


def digest_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _mark(file: Path, digest: str) -> tuple[str, int, int, int]:
    found = os.stat(file)
    return digest, found.st_ino, found.st_size, found.st_mtime_ns
