"""Archives that users send, and those that try to do harm."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from app.artifacts.archive import pack, unpack
from app.domain.errors.requests import ArchiveDamaged, ArchiveEmpty, ArchiveTooLarge, ArchiveUnsafe
from tests.support.archives import a_tar, a_tar_with_link, a_zip, a_zip_with_link, content_of

FILES = {"config.json": b"{}", "deep/er/weights": b"\0" * 5000}
MUCH = 10**9


def test_zip_tar_and_compressed_tar_unpack_alike(tmp_path: Path) -> None:
    archives = [
        a_zip(tmp_path / "a", FILES),
        a_tar(tmp_path / "b", FILES),
        a_tar(tmp_path / "c", FILES, "gz"),
    ]
    for number, archive in enumerate(archives):
        unpack(archive, tmp_path / f"to-{number}", MUCH, 10)
        assert content_of(tmp_path / f"to-{number}") == FILES


def test_one_folder_around_everything_is_left_out(tmp_path: Path) -> None:
    archive = a_zip(tmp_path / "a.zip", {f"model/{name}": c for name, c in FILES.items()})
    unpack(archive, tmp_path / "to", MUCH, 10)
    assert content_of(tmp_path / "to") == FILES


def test_folders_around_everything_are_left_out_with_the_readme_beside_them(tmp_path: Path) -> None:
    members = {"README.md": b"2", "model/model/x": b"1", "model/LICENSE": b"3"}
    unpack(a_zip(tmp_path / "a.zip", members), tmp_path / "to", MUCH, 10)
    assert content_of(tmp_path / "to") == {"x": b"1"}


def test_a_folder_beside_other_files_or_of_images_alone_stays(tmp_path: Path) -> None:
    for i, members in enumerate(({"a/x": b"1", "y": b"2"}, {"a/x.png": b"1", "README": b"2"})):
        unpack(a_zip(tmp_path / f"{i}.zip", members), tmp_path / f"{i}", MUCH, 10)
        assert content_of(tmp_path / f"{i}") == members


def test_what_operating_systems_add_is_left_out(tmp_path: Path) -> None:
    litter = {"__MACOSX/model/._x": b"1", "model/.DS_Store": b"1", "model/._x": b"1"}
    archive = a_zip(tmp_path / "a.zip", {"model/x": b"1", **litter})
    unpack(archive, tmp_path / "to", MUCH, 10)
    assert content_of(tmp_path / "to") == {"x": b"1"}


@pytest.mark.parametrize(
    "name", ["../outside", "a/../../outside", "/tmp/outside", "..\\outside", "\\outside"]
)
@pytest.mark.parametrize("build", [a_zip, a_tar])
def test_a_path_that_leads_outside_is_refused(build, name: str, tmp_path: Path) -> None:
    archive = build(tmp_path / "archive", {"inside": b"1", name: b"2"})
    with pytest.raises(ArchiveUnsafe):
        unpack(archive, tmp_path / "to" / "here", MUCH, 10)
    assert set(content_of(tmp_path)) == {"archive", "to/here/inside"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = a_tar_with_link(tmp_path / "a.tar", "weights", "/etc/passwd", kind)
    with pytest.raises(ArchiveUnsafe):
        unpack(archive, tmp_path / "to", MUCH, 10)


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    archive = a_zip_with_link(tmp_path / "a.zip", "weights", "/etc/passwd")
    with pytest.raises(ArchiveUnsafe):
        unpack(archive, tmp_path / "to", MUCH, 10)


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    archive = a_zip(tmp_path / "a.zip", {"x": b"1", "./x": b"2"})
    with pytest.raises(ArchiveUnsafe, match="twice"):
        unpack(archive, tmp_path / "to", MUCH, 10)


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    archive = a_zip(tmp_path / "a.zip", {"x": b"1", "x/y": b"2"})
    with pytest.raises(ArchiveUnsafe, match="both"):
        unpack(archive, tmp_path / "to", MUCH, 10)


def test_a_name_that_is_no_text_is_reported_as_text(tmp_path: Path) -> None:
    archive = a_tar_with_link(tmp_path / "a.tar", "bad\udcff", "x")
    with pytest.raises(ArchiveUnsafe) as caught:
        unpack(archive, tmp_path / "to", MUCH, 10)
    assert caught.value.fields["member"].encode("utf-8")


@pytest.mark.parametrize(("build", "more"), [(a_zip, ()), (a_tar, ("gz",))])
def test_a_bomb_stops_at_the_limit(build, more: tuple[str, ...], tmp_path: Path) -> None:
    archive = build(tmp_path / "a", {"zeros": bytes(20_000_000)}, *more)
    assert archive.stat().st_size < 50_000
    with pytest.raises(ArchiveTooLarge):
        unpack(archive, tmp_path / "to", 1_000_000, 10)
    assert sum(len(content) for content in content_of(tmp_path / "to").values()) <= 1_000_000


def test_the_limit_counts_all_members_together(tmp_path: Path) -> None:
    archive = a_zip(tmp_path / "a.zip", {"a": bytes(600), "b": bytes(600)})
    unpack(archive, tmp_path / "enough", 1200, 2)
    with pytest.raises(ArchiveTooLarge, match="bytes"):
        unpack(archive, tmp_path / "to", 1199, 2)
    with pytest.raises(ArchiveTooLarge, match="members"):
        unpack(archive, tmp_path / "other", 1200, 1)


@pytest.mark.parametrize(("build", "more"), [(a_zip, ()), (a_tar, ()), (a_tar, ("gz",))])
def test_a_truncated_archive_is_refused_wherever_it_ends(build, more, tmp_path: Path) -> None:
    noise = {"a": bytes(range(256)) * 40, "b": bytes(range(255, -1, -1)) * 40}
    whole = build(tmp_path / "whole", noise, *more).read_bytes()
    for cut in (1, 100, len(whole) // 3, len(whole) // 2):
        part = tmp_path / f"part-{cut}"
        part.write_bytes(whole[:cut])
        with pytest.raises(ArchiveDamaged):
            unpack(part, tmp_path / f"to-{cut}", MUCH, 10)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    archive = a_zip(tmp_path / "a.zip", {"x": bytes(range(256)) * 10})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ArchiveDamaged):
        unpack(archive, tmp_path / "to", MUCH, 10)


def test_an_archive_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveEmpty):
        unpack(a_zip(tmp_path / "a.zip", {"folder/": b""}), tmp_path / "to", MUCH, 10)


def test_equal_folders_pack_to_equal_bytes(tmp_path: Path) -> None:
    for name, order in (("one", list(FILES)), ("two", list(reversed(FILES)))):
        for path in order:
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(FILES[path])
        pack(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    unpack(tmp_path / "one.zip", tmp_path / "again", MUCH, 10)
    assert content_of(tmp_path / "again") == FILES


def test_a_folder_of_one_onnx_file_packs_to_that_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.onnx").write_bytes(b"\x08graph")
    pack(tmp_path / "folder", tmp_path / "packed")
    assert (tmp_path / "packed").read_bytes() == b"\x08graph"
