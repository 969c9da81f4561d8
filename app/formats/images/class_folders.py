"""Class folders: one folder for each class, its name the label."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import UnidentifiedImageError

from app.domain.errors.archives import ArchiveTooLarge
from app.domain.errors.image_files import ClassFoldersUnclear, ImageShapesDiffer, ImageUnreadable
from app.formats.images.decoding import (
    DAMAGE,
    is_deep,
    is_grey,
    open_image,
    pixels_of,
    upright_size,
)
from app.formats.images.named_images import NamedImages
from app.formats.images.parts import choose_part, note_parts, part_and_rest

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_MOST_CHANNELS = 3
T = TypeVar("T")


def has_images(folder: Path) -> bool:
    """Whether there is a file with the name of an image anywhere in the folder."""
    return any(path.suffix.lower() in _SUFFIXES for path in folder.rglob("*"))


def read_class_folders(folder: Path, max_bytes: int, part: str | None = None) -> NamedImages:
    """All images, in the order of their paths with numbers by value; grey unless one has colour.

    Where the class folders stand in `train`, `test` and the like, those of one `part` are read.
    Files that are no images by their names are left out and noted. Raises `ClassFoldersUnclear`,
    `ImageUnreadable`, `ImageShapesDiffer`, `PartMissing` and `ArchiveTooLarge` (more than
    `max_bytes` of pixels).
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=_natural)
    images = [path for path in files if path.suffix.lower() in _SUFFIXES]
    details = {"format": "class-folders", "left_out": len(files) - len(images)}
    notes = _note_left_out(files, images, folder)
    folder, images, about_parts = _of_one_part(folder, images, part)
    names = [_class_of(path, folder) for path in images]
    channels, about_modes = _headers(images, folder, max_bytes)
    pixels = np.stack([_decode(path, folder, channels) for path in images])
    return NamedImages(pixels, names, details, [*notes, *about_parts, *about_modes])


def _of_one_part(
    folder: Path, images: list[Path], wanted: str | None
) -> tuple[Path, list[Path], list[str]]:
    """The folder and the images of the part to read, and notes on the others."""
    tops = {path.relative_to(folder).parts[0] for path in images}
    deep = all(len(path.relative_to(folder).parts) == 3 for path in images)
    by_part: dict[str, list[str]] = {}
    for top in sorted(tops):
        part, rest = part_and_rest(top)
        by_part.setdefault("" if rest else part, []).append(top)
    told = deep and "" not in by_part and all(len(names) == 1 for names in by_part.values())
    if not told:
        if wanted is not None:
            choose_part((), wanted)
        return folder, images, []
    chosen = choose_part(by_part, wanted)
    below = {part: folder / names[0] for part, names in by_part.items()}
    counts = {
        part: sum(path.is_relative_to(place) for path in images) for part, place in below.items()
    }
    kept = [path for path in images if path.is_relative_to(below[chosen])]
    return below[chosen], kept, note_parts(counts, chosen)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]+", path.as_posix())
    return [(0, int(p), p) if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]


def _class_of(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    if len(parts) == 2:
        return parts[0]
    if len(parts) == 1:
        raise ClassFoldersUnclear(parts[0], "it lies in no folder, or in the only one")
    raise ClassFoldersUnclear("/".join(parts), f"it lies {len(parts) - 1} folders deep")


def _headers(images: list[Path], folder: Path, max_bytes: int) -> tuple[int, list[str]]:
    """Channels and notes, from the headers alone; all sizes must be equal before any is decoded."""
    grey, deep, first = True, 0, None
    for path in images:
        name = path.relative_to(folder).as_posix()
        size, is_one_grey, is_one_deep = _reading(name, partial(_header, path))
        first = first or size
        if size != first:
            raise ImageShapesDiffer(name, size, first)
        if len(images) * size[0] * size[1] * _MOST_CHANNELS > max_bytes:
            raise ArchiveTooLarge("bytes of pixels", max_bytes)
        grey, deep = grey and is_one_grey, deep + is_one_deep
    notes = [f"{deep} image(s) of 16 bits became images of 8 bits."] if deep else []
    return (1 if grey else _MOST_CHANNELS), notes


def _header(path: Path) -> tuple[tuple[int, int], bool, bool]:
    with open_image(path) as image:
        return upright_size(image), is_grey(image), is_deep(image)


def _decode(path: Path, folder: Path, channels: int) -> np.ndarray:
    """uint8 (channels, height, width)."""

    def decode() -> np.ndarray:
        with open_image(path) as image:
            return pixels_of(image, channels)

    return _reading(path.relative_to(folder).as_posix(), decode)


def _reading(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except UnidentifiedImageError:
        raise ImageUnreadable(name, "its format is unknown") from None
    except DAMAGE as problem:
        raise ImageUnreadable(name, str(problem)) from None


def _note_left_out(files: list[Path], images: list[Path], folder: Path) -> list[str]:
    rest = sorted(set(files) - set(images))
    if not rest:
        return []
    first = rest[0].relative_to(folder).as_posix()
    return [f"{len(rest)} file(s) are no images by their names and were left out: `{first}`."]
