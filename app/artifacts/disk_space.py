"""Free space on a disk: checked beforehand, and recognised when it ran out."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors.service import DiskFull

_ERROR_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
# Of libraries that keep the system's words and not its number: safetensors, SQLite, PostgreSQL.
_ERROR_TEXTS = ("no space left on device", "disk is full", "disk quota exceeded")


@dataclass(frozen=True)
class DiskSpace:
    """The free bytes of a folder's disk, of which so many are kept as a reserve."""

    folder: Path
    reserve_bytes: int

    def require(self, needed_bytes: int) -> None:
        """Raise `DiskFull` unless the disk takes so much and still has its reserve."""
        free = shutil.disk_usage(self.folder).free - self.reserve_bytes
        if needed_bytes > free:
            raise DiskFull(needed_bytes, free)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that a disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _ERROR_NUMBERS:
            return True
        if isinstance(error, DiskFull) or any(
            words in str(error).lower() for words in _ERROR_TEXTS
        ):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False
