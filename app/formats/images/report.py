"""The report on an image dataset that is shown to the user."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from app.formats.duplicate_report import note_duplicates, report_duplicates
from app.formats.images.canonical import ImageRows
from app.formats.images.named_images import NamedImages
from app.formats.label_report import note_labels, report_labels

_MIXED = 0.05


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
