"""Archives: unpacked with distrust, packed so that equal folders give equal bytes."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.artifacts.contract import Artifacts
from app.artifacts.disk import hardlink_or_copy
from app.artifacts.single_files import (
    ONNX_FILE,
    is_gzipped_word_vectors,
    single_file_name,
    unpack_gzipped_word_vectors,
)
from app.domain.errors.requests import ArchiveDamaged, ArchiveEmpty, ArchiveTooLarge, ArchiveUnsafe

_CHUNK = 1024 * 1024
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
SYSTEM_FILES = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"}
_DESCRIPTION = re.compile(
    r"(readme|licen[cs]e|notice|copying|citation|changelog)([._-][a-z]{2})?(\.(txt|html?|cff))?$"
    r"|\.git(attributes|ignore)$|.*\.(md|rst|pdf)$",
    re.IGNORECASE,
)
_DAMAGE_ERRORS = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
_LINK = "is a link, a device or another special file"


def open_folder(artifacts: Artifacts, digest: str, max_bytes: int, max_members: int) -> Path:
    """The unpacked copy of an artifact, made at the first call; read it, never write to it.

    An artifact that is no archive becomes a folder with the one file that it is. Raises the
    errors of `unpack` and of `Artifacts.path`.
    """
    ready = artifacts.unpacked(digest)
    if ready is not None:
        return ready
    with artifacts.workspace() as workspace:
        folder = workspace / "unpacked"
        unpack_artifact(artifacts.path(digest), folder, max_bytes, max_members)
        return artifacts.adopt_unpacked(folder, digest)


def unpack_artifact(file: Path, folder: Path, max_bytes: int, max_members: int) -> None:
    """Write an artifact's content into an absent `folder`, be it an archive or a single file."""
    if is_gzipped_word_vectors(file):
        unpack_gzipped_word_vectors(file, folder, max_bytes)
        return
    if is_archive(file):
        unpack(file, folder, max_bytes, max_members)
        return
    folder.mkdir(parents=True)
    hardlink_or_copy(file, folder / single_file_name(file))


def unpack(archive: Path, folder: Path, max_bytes: int, max_members: int) -> None:
    """Write a zip, tar or tar.gz into an empty or absent `folder`, less folders around it all.

    Sizes are counted in the bytes written, whatever the archive's own directory says. Raises
    ArchiveDamaged, ArchiveUnsafe, ArchiveTooLarge or ArchiveEmpty; the folder's content is then
    undefined.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = max_bytes
    for count, member in enumerate(read_members(archive), start=1):
        if count > max_members:
            raise ArchiveTooLarge("members", max_members)
        target = _member_path(folder, member.name)
        if target is None:
            continue
        left -= _write(member, target, left, max_bytes)
    if not any(path.is_file() for path in folder.rglob("*")):
        raise ArchiveEmpty
    _strip_common_folder(folder)


def pack(folder: Path, file: Path) -> None:
    """Write `folder` to `file` as a stored zip, byte for byte the same for the same content.

    A folder that holds one `model.onnx` and nothing else becomes that file itself.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if [path.relative_to(folder).as_posix() for path in paths] == [ONNX_FILE]:
        shutil.copyfile(paths[0], file)
        return
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=_FIXED_TIME)
            entry.external_attr = 0o644 << 16
            # The size decides, before writing, whether the entry needs the zip64 form.
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _member_path(folder: Path, name: str) -> Path | None:
    """Where a member goes; None for what operating systems add of their own accord."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name:
        raise ArchiveUnsafe(name, "would be written outside the folder")
    if any(len(os.fsencode(part)) > 255 for part in parts):
        raise ArchiveUnsafe(name[:80], "has a name that is too long")
    if not parts or is_system_file(name):
        return None
    return folder.joinpath(*parts)


def _write(member: Member, target: Path, left: int, limit: int) -> int:
    """Write one member; the bytes written. The same path twice is unsafe: which one counts?"""
    if member.is_folder:
        _make_folder(target, member.name)
        return 0
    _make_folder(target.parent, member.name)
    written = 0
    try:
        with target.open("xb") as handle:
            for chunk in member.chunks(_CHUNK):
                written += len(chunk)
                if written > left:
                    raise ArchiveTooLarge("bytes", limit)
                handle.write(chunk)
    except FileExistsError:
        raise ArchiveUnsafe(member.name, "is there twice") from None
    return written


def _make_folder(path: Path, name: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ArchiveUnsafe(name, "is both a file and a folder") from None


def _strip_common_folder(folder: Path) -> None:
    """Take away folders that hold all there is, but for a README and the like beside them."""
    while top := _common_folder(folder):
        # Renamed first, since the top folder may hold a child of its own name.
        lifted = top.rename(folder / ".top-folder")
        for child in list(folder.iterdir()):
            if child != lifted:
                child.unlink()
        for child in list(lifted.iterdir()):
            child.rename(folder / child.name)
        lifted.rmdir()


def _common_folder(folder: Path) -> Path | None:
    children = list(folder.iterdir())
    folders = [child for child in children if child.is_dir()]
    files = [child for child in children if not child.is_dir()]
    if len(folders) != 1 or not all(is_not_content(file.name) for file in files):
        return None
    # A folder of images names their class.
    inside = [child for child in folders[0].iterdir() if not is_not_content(child.name)]
    images = all(child.suffix.lower() in _IMAGES for child in inside)
    return None if inside and images else folders[0]


@dataclass(frozen=True)
class Member:
    """One entry of an archive; `open` is good until the next member is asked for."""

    name: str
    is_folder: bool
    open: Callable[[], IO[bytes]]

    def chunks(self, size: int) -> Iterator[bytes]:
        """The content in chunks of at most `size` bytes; raises ArchiveDamaged."""
        try:
            with self.open() as handle:
                while chunk := handle.read(size):
                    yield chunk
        except _DAMAGE_ERRORS as problem:
            raise ArchiveDamaged(f"{self.name}: {problem}") from problem


def is_archive(file: Path) -> bool:
    """Whether the file begins like a zip, tar or gzip file."""
    with file.open("rb") as handle:
        start = handle.read(512)
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or is_tar(start)


def is_system_file(name: str) -> bool:
    """Whether operating systems and notebooks add files of this name of their own accord."""
    parts = name.replace("\\", "/").split("/")
    return bool(SYSTEM_FILES & set(parts)) or parts[-1].startswith("._")


def is_not_content(name: str) -> bool:
    """Whether a file of this name describes what is beside it, or is a system's file."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return is_system_file(name) or _DESCRIPTION.match(last) is not None


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
    except (*_DAMAGE_ERRORS, NotImplementedError) as problem:
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
    except _DAMAGE_ERRORS as problem:
        raise ArchiveDamaged(str(problem)) from problem


def _tar_opener(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def start() -> IO[bytes]:
        content = opened.extractfile(entry)
        if content is None:
            raise ArchiveDamaged(f"{entry.name} has no content")
        return content

    return start
