"""From an uploaded archive of images to the canonical file and the facts about it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from app.artifacts.archive import unpack
from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import DatasetFormatUnknown
from app.domain.errors.image_files import OneIdxFile
from app.formats.images.canonical import write_image_rows
from app.formats.images.class_folders import has_images, read_class_folders
from app.formats.images.idx import is_idx, read_idx
from app.formats.images.named_images import NamedImages
from app.formats.images.npz import is_npz, read_npz
from app.formats.images.pixels import whole_range, without_needless_colour
from app.formats.images.report import report_images


def read_images(
    upload: Path,
    filename: str,
    canonical: Path,
    max_bytes: int,
    max_members: int,
    part: str | None = None,
) -> DatasetFacts:
    """Unpack an NPZ or an archive of IDX files or class folders and write it to `canonical`.

    Of a file with several parts `part` is read, without it `train`. Raises `RejectedFile` leaves
    that name the array, the file or the row.
    """
    if is_idx(upload):
        raise OneIdxFile(filename)
    with tempfile.TemporaryDirectory(dir=canonical.parent) as place:
        folder = Path(place) / "unpacked"
        unpack(upload, folder, max_bytes, max_members)
        found = _settled(_read(folder, filename, max_bytes, part))
    rows = found.as_rows()
    write_image_rows(rows, canonical)
    channels, height, width = rows.images.shape[1:]
    return DatasetFacts(
        kind=DatasetKind.IMAGES,
        rows=len(rows.targets),
        labels=rows.labels,
        grouped=False,
        image_shape=(channels, height, width),
        report=report_images(found, rows),
    )


def _read(folder: Path, filename: str, max_bytes: int, part: str | None) -> NamedImages:
    if is_npz(folder):
        return read_npz(folder, part)
    if any(is_idx(path) for path in folder.rglob("*") if path.is_file()):
        return read_idx(folder, max_bytes, part)
    if has_images(folder):
        return read_class_folders(folder, max_bytes, part)
    raise DatasetFormatUnknown(filename, "the archive holds neither arrays nor images")


def _settled(found: NamedImages) -> NamedImages:
    """What no kind of file can say of one image alone: whether it has colour, and what is white."""
    images, about_colour = without_needless_colour(found.images)
    images, about_range = whole_range(images)
    return replace(found, images=images, notes=[*found.notes, *about_colour, *about_range])
