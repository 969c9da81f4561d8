"""Class folders: one folder for each class, its name the label."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from app.domain.errors.archives import ArchiveTooLarge
from app.domain.errors.image_files import ClassFoldersUnclear, ImageShapesDiffer, ImageUnreadable
from app.formats.images.named_images import NamedImages

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_TURNED = {"JPEG", "WEBP"}  # a PNG would have to be decoded to tell; cameras write none
_ORIENTATION = 0x0112
_GREY = {"1", "L", "LA"}
_COLOUR = {"RGB", "RGBA", "P", "CMYK", "YCbCr", "PA"}


def has_images(folder: Path) -> bool:
    """Whether there is a file with the name of an image anywhere in the folder."""
    return any(path.suffix.lower() in _SUFFIXES for path in folder.rglob("*"))


def read_class_folders(folder: Path, max_bytes: int) -> NamedImages:
    """All images, in the order of their paths with numbers by value; grey unless one has colour.

    Transparent parts become white. Files that are no images by their names are left out and
    noted. Raises `ClassFoldersUnclear`, `ImageUnreadable`, `ImageShapesDiffer` and
    `ArchiveTooLarge` (more than `max_bytes` of pixels).
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=_natural)
    images = [path for path in files if path.suffix.lower() in _SUFFIXES]
    names = [_class_of(path, folder) for path in images]
    mode = _choose_mode(images, folder, max_bytes)
    pixels = np.stack([_decode(path, folder, mode) for path in images])
    details = {"format": "class-folders", "left_out": len(files) - len(images)}
    return NamedImages(pixels, names, details, _note(files, images, folder))


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


def _choose_mode(images: list[Path], folder: Path, max_bytes: int) -> str:
    """`L` or `RGB`, from the headers alone; all sizes must be equal before any is decoded."""
    modes, first = set(), None
    for path in images:
        name = path.relative_to(folder).as_posix()
        mode, size = _header(path, name)
        first = first or size
        if mode not in _GREY | _COLOUR:
            raise ImageUnreadable(name, f"its pixels are of type {mode}, not of 8 bits")
        if size != first:
            raise ImageShapesDiffer(name, size, first)
        if len(images) * size[0] * size[1] * 3 > max_bytes:
            raise ArchiveTooLarge("bytes of pixels", max_bytes)
        modes.add(mode)
    return "L" if modes <= _GREY else "RGB"


def _header(path: Path, name: str) -> tuple[str, tuple[int, int]]:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            turned = image.format in _TURNED and image.getexif().get(_ORIENTATION, 1) >= 5
            return image.mode, image.size[::-1] if turned else image.size
    except UnidentifiedImageError:
        raise ImageUnreadable(name, "its format is unknown") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise ImageUnreadable(name, str(problem)) from None


def _decode(path: Path, folder: Path, mode: str) -> np.ndarray:
    """uint8 (channels, height, width)."""
    try:
        with Image.open(path, formats=_FORMATS) as opened:
            image = ImageOps.exif_transpose(opened) if opened.format in _TURNED else opened
            if image.has_transparency_data:
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image.convert("RGBA"))
            pixels = np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as problem:
        name = path.relative_to(folder).as_posix()
        raise ImageUnreadable(name, str(problem)) from None
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _note(files: list[Path], images: list[Path], folder: Path) -> list[str]:
    rest = sorted(set(files) - set(images))
    if not rest:
        return []
    first = rest[0].relative_to(folder).as_posix()
    return [f"{len(rest)} file(s) are no images by their names and were left out: `{first}`."]
