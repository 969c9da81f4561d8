"""The first look at a dataset: some of its rows as JSON."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind
from app.formats.images.canonical import read_image_rows
from app.formats.tables.canonical import read_text_rows
from app.formats.tables.canonical_label_sets import read_label_set_rows
from app.formats.tables.canonical_pairs import read_pair_rows
from app.formats.tables.canonical_plain import read_plain_rows
from app.formats.tables.canonical_tags import read_tagged_rows

_READERS: dict[DatasetKind, Callable[..., Iterator[Any]]] = {
    DatasetKind.LABELLED: read_text_rows,
    DatasetKind.MULTI_LABELLED: read_label_set_rows,
    DatasetKind.TOKENS: read_tagged_rows,
    DatasetKind.UNLABELLED: read_plain_rows,
    DatasetKind.PARALLEL: read_pair_rows,
    DatasetKind.DICTIONARY: read_pair_rows,
}


def preview(canonical: Path, facts: DatasetFacts, offset: int, limit: int) -> list[dict[str, Any]]:
    """Usable rows from the `offset`-th on (counted from 0), at most `limit`.

    Texts: `{"row", "text", "label", "group"}`, of several labels `labels`, without labels
    `{"row", "text"}`; tagged sentences: `{"row", "words", "tags", "text", "group"}`; pairs:
    `{"row", "source", "target"}`; images: `{"row", "label", "image"}`, the image as a PNG in
    base64. `row` is the number in the uploaded file, counted from 1.
    """
    read = _READERS.get(facts.kind)
    if read is not None:
        return [asdict(row) for row in read(canonical, offset, limit)]
    rows = read_image_rows(canonical, offset, limit)
    return [
        {"row": offset + i, "label": rows.labels[target], "image": _png(image)}
        for i, (image, target) in enumerate(zip(rows.images, rows.targets, strict=True), start=1)
    ]


def _png(image: np.ndarray) -> str:
    """`image` is uint8 (channels, height, width) with 1 or 3 channels."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
