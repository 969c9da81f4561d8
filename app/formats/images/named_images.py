"""Images and the names of their classes, as every kind of image file is first read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.errors.dataset_files import NoUsableRows
from app.domain.errors.image_files import ArraysUnfit
from app.formats.images.canonical import ImageRows
from app.formats.label_report import sort_labels


@dataclass(frozen=True)
class NamedImages:
    """`images` uint8 (n, channels, height, width); `names` has the class name of each.

    `details` and `notes` tell the report how the file was read.
    """

    images: np.ndarray
    names: list[str]
    details: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def as_rows(self) -> ImageRows:
        """With positions in the sorted labels in the place of names; raises `NoUsableRows`."""
        if not self.names:
            raise NoUsableRows(0, "both an input and a label")
        labels = sort_labels(self.names)
        position = {label: i for i, label in enumerate(labels)}
        targets = np.array([position[name] for name in self.names], dtype=np.int64)
        return ImageRows(self.images, targets, labels)


def name_targets(y: np.ndarray, images: int) -> tuple[list[str], list[str]]:
    """One class name per image, and notes; raises `ArraysUnfit`.

    `y` has integers, strings or bytes of UTF-8, or rows with a single 1 (one-hot).
    """
    y, notes = _numbered(y)
    if y.ndim != 1:
        advice = "Save one class per image, as a number, a string or a one-hot row."
        raise ArraysUnfit(f"The labels have the shape {y.shape}", advice)
    if len(y) != images:
        reason = f"There are {images} image(s) and {len(y)} label(s)"
        raise ArraysUnfit(reason, "Save as many labels as images, in the same order.")
    if y.dtype.kind == "f" and np.all(y == np.round(y)):
        y = y.astype(np.int64)
    if y.dtype.kind not in "biuUS":
        advice = "Save the labels as integers or strings."
        raise ArraysUnfit(f"The labels are of type {y.dtype}", advice)
    names = [_text(name) for name in y.tolist()]
    _check_names(names)
    return names, notes


def _numbered(y: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Labels in one dimension, where they are columns or one-hot rows; others as they are."""
    if y.ndim != 2:
        return y, []
    if y.shape[1] == 1:
        return y[:, 0], []
    if y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1), ["One-hot labels became the numbers of their columns, from 0."]
    return y, []


def _text(name: object) -> str:
    if not isinstance(name, bytes):
        return str(name)
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as problem:
        advice = "Save the labels as integers or strings."
        raise ArraysUnfit(f"A label is no text in UTF-8 ({problem})", advice) from None


def _check_names(names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        if not name.strip() or "\0" in name:
            raise ArraysUnfit(f"The label of row {number} is empty", "Give every image a label.")
