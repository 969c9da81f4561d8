"""Archives: unpacked with distrust, packed so that equal folders give equal bytes."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from app.artifacts.members import Member, is_beside_the_point, is_litter, read_members
from app.artifacts.single_files import ONNX_FILE
from app.domain.errors.archives import ArchiveEmpty, ArchiveTooLarge, ArchiveUnsafe

_CHUNK = 1024 * 1024
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_ALWAYS = (1980, 1, 1, 0, 0, 0)


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
        target = _inside(folder, member.name)
        if target is None:
            continue
        left -= _write(member, target, left, max_bytes)
    if not any(path.is_file() for path in folder.rglob("*")):
        raise ArchiveEmpty
    _lift_common_top(folder)


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
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=_ALWAYS)
            entry.external_attr = 0o644 << 16
            # The size decides, before writing, whether the entry needs the zip64 form.
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _inside(folder: Path, name: str) -> Path | None:
    """Where a member goes; None for what operating systems add of their own accord."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name:
        raise ArchiveUnsafe(name, "would be written outside the folder")
    if any(len(os.fsencode(part)) > 255 for part in parts):
        raise ArchiveUnsafe(name[:80], "has a name that is too long")
    if not parts or is_litter(name):
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


def _lift_common_top(folder: Path) -> None:
    """Take away folders that hold all there is, but for a README and the like beside them."""
    while top := _common_top(folder):
        # Renamed first, since the top folder may hold a child of its own name.
        lifted = top.rename(folder / ".top-folder")
        for child in list(folder.iterdir()):
            if child != lifted:
                child.unlink()
        for child in list(lifted.iterdir()):
            child.rename(folder / child.name)
        lifted.rmdir()


def _common_top(folder: Path) -> Path | None:
    children = list(folder.iterdir())
    folders = [child for child in children if child.is_dir()]
    files = [child for child in children if not child.is_dir()]
    if len(folders) != 1 or not all(is_beside_the_point(file.name) for file in files):
        return None
    # A folder of images names their class.
    inside = [child for child in folders[0].iterdir() if not is_beside_the_point(child.name)]
    images = all(child.suffix.lower() in _IMAGES for child in inside)
    return None if inside and images else folders[0]
