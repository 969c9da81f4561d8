"""A bound on what a machine keeps of artifacts that lie elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.artifacts.disk import DiskArtifacts

# What was used so lately may just be opened: it is left alone, even above the bound.
_JUST_USED_SECONDS = 600.0


def forget_unused(cache: DiskArtifacts, max_bytes: int) -> None:
    """Delete the artifacts that were not used for longest, until the rest fits `max_bytes`."""
    sizes, uses = {}, {}
    for digest in cache.held():
        sizes[digest], uses[digest] = _weigh(cache, digest)
    too_many = sum(sizes.values()) - max_bytes
    for digest in sorted(uses, key=uses.__getitem__):
        if too_many <= 0 or time.time() - uses[digest] < _JUST_USED_SECONDS:
            return
        cache.remove(digest)
        too_many -= sizes[digest]


def note_use(cache: DiskArtifacts, digest: str) -> None:
    """Remember that an artifact of the cache was used now; the times of change stay."""
    for path in _marks(cache, digest):
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:
            continue  # not there, or just forgotten


def _weigh(cache: DiskArtifacts, digest: str) -> tuple[int, float]:
    """Bytes, and the moment of the last use."""
    copy = cache.unpacked_place(digest)
    size = sum(found.st_size for found in _looked_at([cache.place(digest), *copy.rglob("*")]))
    used = [found.st_atime for found in _looked_at(_marks(cache, digest))]
    return size, max(used, default=0.0)


def _marks(cache: DiskArtifacts, digest: str) -> list[Path]:
    """The files whose time of access tells the last use; to look for them is no access."""
    return [cache.place(digest), cache.list_place(digest)]


def _looked_at(paths: list[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        with suppress(FileNotFoundError):
            yield path.stat()
