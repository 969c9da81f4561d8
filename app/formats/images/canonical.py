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
    end = None if limit is None else offset + limit
    with safe_open(file, framework="np") as tensors:
        labels = tuple(json.loads(tensors.metadata()["labels"]))
        images = tensors.get_slice("x")[offset:end]
        return ImageRows(images, tensors.get_tensor("y")[offset:end], labels)
