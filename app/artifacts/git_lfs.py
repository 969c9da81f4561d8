"""Pointers of Git LFS: small texts that stand in a repository in place of large files."""

from __future__ import annotations

import re
from pathlib import Path

from app.domain.errors.archives import LfsPointer

_START = b"version https://git-lfs.github.com/spec/"
_LONGEST = 1024
_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)


def is_pointer(file: Path) -> bool:
    """Whether the file is such a pointer."""
    if file.stat().st_size > _LONGEST:
        return False
    with file.open("rb") as handle:
        return handle.read(len(_START)) == _START


def refuse_pointer(file: Path, name: str) -> None:
    """Raises LfsPointer where `file`, which its owner calls `name`, is one."""
    if is_pointer(file):
        size = _SIZE.search(file.read_bytes())
        raise LfsPointer(name, int(size.group(1)) if size else None)
