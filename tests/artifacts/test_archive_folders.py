"""Artifacts, opened as folders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.artifacts.archive import open_folder
from app.artifacts.disk import DiskArtifacts
from app.domain.errors.requests import ArchiveDamaged
from tests.support.archives import a_zip, content_of

LIMITS = (10**6, 10)


def published(artifacts: DiskArtifacts, content: bytes) -> str:
    with artifacts.workspace() as workspace:
        (workspace / "file").write_bytes(content)
        return artifacts.publish(workspace / "file")


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    artifacts = DiskArtifacts(tmp_path / "store")
    digest = published(artifacts, a_zip(tmp_path / "a.zip", {"x": b"1"}).read_bytes())
    folder = open_folder(artifacts, digest, *LIMITS)
    assert content_of(folder) == {"x": b"1"}
    made = (folder / "x").stat().st_ino
    assert (open_folder(artifacts, digest, *LIMITS) / "x").stat().st_ino == made


def test_a_single_file_becomes_a_folder_with_a_graph(tmp_path: Path) -> None:
    artifacts = DiskArtifacts(tmp_path / "store")
    digest = published(artifacts, b"\x08graph")
    assert content_of(open_folder(artifacts, digest, *LIMITS)) == {"model.onnx": b"\x08graph"}


def test_a_failed_unpacking_leaves_nothing_behind(tmp_path: Path) -> None:
    artifacts = DiskArtifacts(tmp_path / "store")
    digest = published(artifacts, b"PK\x03\x04 and no more")
    with pytest.raises(ArchiveDamaged):
        open_folder(artifacts, digest, *LIMITS)
    assert artifacts.unpacked(digest) is None
    assert list(artifacts.temporary.iterdir()) == []


def test_many_readers_at_once_get_the_same_whole_folder(tmp_path: Path) -> None:
    artifacts = DiskArtifacts(tmp_path / "store")
    members = {f"file-{number}": bytes(1000) for number in range(9)}
    digest = published(artifacts, a_zip(tmp_path / "a.zip", members).read_bytes())
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: open_folder(artifacts, digest, *LIMITS), range(8)))
    assert len(folders) == 1
    assert content_of(folders.pop()) == members
    assert list(artifacts.temporary.iterdir()) == []
