"""Artifacts as folders: each archive is unpacked once and kept beside its bytes."""

from __future__ import annotations

from pathlib import Path

from app.artifacts.archive import unpack
from app.artifacts.compressed_file import is_compressed_vectors, unpack_compressed
from app.artifacts.contract import Artifacts
from app.artifacts.members import is_archive
from app.artifacts.second_name import give_second_name
from app.artifacts.single_files import single_file_name


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
        unfold(artifacts.path(digest), folder, max_bytes, max_members)
        return artifacts.adopt_unpacked(folder, digest)


def unfold(file: Path, folder: Path, max_bytes: int, max_members: int) -> None:
    """Write an artifact's content into an absent `folder`, be it an archive or a single file."""
    if is_compressed_vectors(file):
        unpack_compressed(file, folder, max_bytes)
        return
    if is_archive(file):
        unpack(file, folder, max_bytes, max_members)
        return
    folder.mkdir(parents=True)
    give_second_name(file, folder / single_file_name(file))
