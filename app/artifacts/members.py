"""The members of a zip or tar file, one after the other, plain files and folders only."""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.domain.errors.archives import ArchiveDamaged, ArchiveUnsafe

MACHINE_LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"}
_DESCRIPTION = re.compile(
    r"(readme|licen[cs]e|notice|copying|citation|changelog)([._-][a-z]{2})?(\.(txt|html?|cff))?$"
    r"|\.git(attributes|ignore)$|.*\.(md|rst|pdf)$",
    re.IGNORECASE,
)
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
_LINK = "is a link, a device or another special file"


@dataclass(frozen=True)
class Member:
    """One entry of an archive; `open` is good until the next member is asked for."""

    name: str
    is_folder: bool
    open: Callable[[], IO[bytes]]

    def chunks(self, size: int) -> Iterator[bytes]:
        """The content in pieces of at most `size` bytes; raises ArchiveDamaged."""
        try:
            with self.open() as handle:
                while chunk := handle.read(size):
                    yield chunk
        except _DAMAGE as problem:
            raise ArchiveDamaged(f"{self.name}: {problem}") from problem


def is_archive(file: Path) -> bool:
    """Whether the file begins like a zip, tar or gzip file."""
    with file.open("rb") as handle:
        start = handle.read(512)
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or is_tar(start)


def is_litter(name: str) -> bool:
    """Whether operating systems and notebooks add files of this name of their own accord."""
    parts = name.replace("\\", "/").split("/")
    return bool(MACHINE_LITTER & set(parts)) or parts[-1].startswith("._")


def is_beside_the_point(name: str) -> bool:
    """Whether a file of this name describes what is beside it, or is litter."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return is_litter(name) or _DESCRIPTION.match(last) is not None


def read_members(archive: Path) -> Iterator[Member]:
    """Every member in order; raises ArchiveDamaged, and ArchiveUnsafe at a link or a device."""
    with archive.open("rb") as handle:
        start = handle.read(512)
    if start.startswith((b"\x1f\x8b",)) or is_tar(start):
        return _tar_members(archive)
    return _zip_members(archive)


def is_tar(start: bytes) -> bool:
    """Whether these 512 bytes begin a tar file."""
    return start[257:262] == b"ustar"


def _zip_members(archive: Path) -> Iterator[Member]:
    try:
        opened = zipfile.ZipFile(archive)
    except (*_DAMAGE, NotImplementedError) as problem:
        raise ArchiveDamaged(str(problem)) from problem
    with opened:
        for entry in opened.infolist():
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveUnsafe(entry.filename, _LINK)
            yield Member(entry.filename, entry.is_dir(), _zip_opener(opened, entry))


def _zip_opener(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def start() -> IO[bytes]:
        if entry.flag_bits & 0x1:
            raise ArchiveUnsafe(entry.filename, "is encrypted")
        try:
            return opened.open(entry)
        except NotImplementedError as problem:
            raise ArchiveDamaged(str(problem)) from problem

    return start


def _tar_members(archive: Path) -> Iterator[Member]:
    try:
        # As a stream: a gzip file is then never unpacked twice, nor searched for its end.
        with tarfile.open(archive, "r|*") as opened:
            for entry in opened:
                if not (entry.isreg() or entry.isdir()):
                    raise ArchiveUnsafe(entry.name, _LINK)
                yield Member(entry.name, entry.isdir(), _tar_opener(opened, entry))
    except _DAMAGE as problem:
        raise ArchiveDamaged(str(problem)) from problem


def _tar_opener(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def start() -> IO[bytes]:
        content = opened.extractfile(entry)
        if content is None:
            raise ArchiveDamaged(f"{entry.name} has no content")
        return content

    return start
