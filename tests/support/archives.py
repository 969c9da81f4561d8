"""Builders of archives, sound ones and those that must be refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path


def a_zip(file: Path, members: Mapping[str, bytes]) -> Path:
    """A deflated zip of these names and contents, whatever the names are."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def a_tar(file: Path, members: Mapping[str, bytes], compression: str = "") -> Path:
    """A tar (`compression` "gz" for tar.gz) of these names and contents."""
    with tarfile.open(file, f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file


def a_tar_with_link(file: Path, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Path:
    """A tar whose only member is a link."""
    with tarfile.open(file, "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)
    return file


def a_zip_with_link(file: Path, name: str, target: str) -> Path:
    """A zip whose only member is a symbolic link, as Info-ZIP writes it."""
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, target)
    return file


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by its relative path."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
