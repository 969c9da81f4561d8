"""From an uploaded archive of images to the canonical file, the facts and the report."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.artifacts.archive import unpack
from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import DatasetFormatUnknown, OneIdxFile
from app.formats.dataset_report import (
    note_duplicates,
    note_labels,
    report_duplicates,
    report_labels,
)
from app.formats.images.pixels import (
    ImageRows,
    drop_redundant_channels,
    stretch_to_uint8,
    write_image_rows,
)
from app.formats.images.readers import (
    NamedImages,
    has_images,
    is_idx,
    is_npz,
    read_class_folders,
    read_idx,
    read_npz,
)

_MIXED = 0.05


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
    with tempfile.TemporaryDirectory(dir=canonical.parent) as temporary:
        folder = Path(temporary) / "unpacked"
        unpack(upload, folder, max_bytes, max_members)
        found = _normalise_pixels(_read(folder, filename, max_bytes, part))
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


def _normalise_pixels(found: NamedImages) -> NamedImages:
    """What no kind of file can say of one image alone: whether it has colour, and what is white."""
    images, about_colour = drop_redundant_channels(found.images)
    images, about_range = stretch_to_uint8(images)
    return replace(found, images=images, notes=[*found.notes, *about_colour, *about_range])


def report_images(found: NamedImages, rows: ImageRows) -> dict[str, Any]:
    """Labels, shape, pixel range, polarity and duplicates, as JSON; `notes` are sentences."""
    labels = report_labels(found.names)
    keys = (hashlib.sha256(image.tobytes()).digest() for image in rows.images)
    duplicates = report_duplicates(zip(range(1, len(found.names) + 1), keys, found.names))  # noqa: B905
    polarity = _report_polarity(rows.images)
    channels, height, width = rows.images.shape[1:]
    return {
        **found.details,
        "rows": len(found.names),
        "usable": len(found.names),
        "labels": labels,
        "shape": {"channels": channels, "height": height, "width": width},
        "pixels": _report_pixels(rows.images),
        "polarity": polarity,
        "duplicates": duplicates,
        "notes": [
            *found.notes,
            *note_labels(labels),
            *note_duplicates(duplicates),
            *_note_polarity(polarity),
        ],
    }


def _report_pixels(images: np.ndarray) -> dict[str, float]:
    return {
        "min": int(images.min()),
        "max": int(images.max()),
        "mean": round(float(images.mean()), 2),
    }


def _report_polarity(images: np.ndarray) -> dict[str, float]:
    """Shares of images whose border is, at the median, darker or lighter than the whole image.

    A model that learnt light strokes on dark ground is at a loss with dark strokes on light.
    """
    edges = [images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]]
    border = np.median(np.concatenate(edges, axis=2).reshape(len(images), -1), axis=1)
    whole = images.mean(axis=(1, 2, 3))
    return {
        "light_on_dark": round(float((border < whole).mean()), 4),
        "dark_on_light": round(float((border > whole).mean()), 4),
    }


def _note_polarity(polarity: dict[str, float]) -> list[str]:
    if min(polarity.values()) < _MIXED:
        return []
    return [
        "Some images are light on dark ground and some dark on light: "
        f"{polarity['light_on_dark']:.0%} and {polarity['dark_on_light']:.0%}."
    ]
