"""The canonical image file: what every image dataset becomes, whatever file it came in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


@dataclass(frozen=True)
class ImageRows:
    """Images in the order of the uploaded file.

    `images`: uint8 (n, channels, height, width). `targets`: int64 (n,), positions in `labels`.
    """

    images: np.ndarray
    targets: np.ndarray
    labels: tuple[str, ...]


def write_image_rows(rows: ImageRows, file: Path) -> None:
    """Write safetensors with the tensors `x` and `y` and the label names in the metadata."""
    tensors = {"x": np.ascontiguousarray(rows.images), "y": rows.targets}
    save_file(tensors, file, metadata={"labels": json.dumps(rows.labels)})


def read_image_rows(file: Path, offset: int = 0, limit: int | None = None) -> ImageRows:
    """The images from the `offset`-th on (counted from 0), at most `limit`."""
    with safe_open(file, framework="np") as tensors:
        labels = tuple(json.loads(tensors.metadata()["labels"]))
        images, targets = tensors.get_slice("x"), tensors.get_tensor("y")
        # A slice of safetensors may neither be empty nor reach beyond the end.
        start = min(offset, len(targets))
        end = len(targets) if limit is None else min(offset + limit, len(targets))
        if start == end:
            nothing = np.empty((0, *images.get_shape()[1:]), dtype=np.uint8)
            return ImageRows(nothing, targets[:0], labels)
        return ImageRows(images[start:end], targets[start:end], labels)
