"""From a registered dataset's canonical file to the rows that methods learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind
from app.domain.errors.datasets import LabelUnknownToModel
from app.formats.images.canonical import read_image_rows
from app.formats.tables.canonical import read_text_rows
from app.learn.examples import Examples


def load_examples(canonical: Path, facts: DatasetFacts, labels: tuple[str, ...]) -> Examples:
    """All rows, with targets as positions in the model's `labels`.

    A row without a group id in a dataset that has groups gets the empty group "": it stands
    alone. Raises `LabelUnknownToModel`, naming the first row of each such label.
    """
    if facts.kind is DatasetKind.IMAGES:
        return _load_images(canonical, labels)
    return _load_texts(canonical, facts, labels)


def _load_texts(canonical: Path, facts: DatasetFacts, labels: tuple[str, ...]) -> Examples:
    rows = list(read_text_rows(canonical))
    numbers = np.array([row.row for row in rows], dtype=np.int64)
    groups = tuple(row.group or "" for row in rows) if facts.grouped else None
    return Examples(
        inputs=[row.text for row in rows],
        targets=_positions([row.label for row in rows], numbers, labels),
        rows=numbers,
        groups=groups,
    )


def _load_images(canonical: Path, labels: tuple[str, ...]) -> Examples:
    rows = read_image_rows(canonical)
    numbers = np.arange(1, len(rows.targets) + 1, dtype=np.int64)
    names = [rows.labels[target] for target in rows.targets]
    return Examples(inputs=rows.images, targets=_positions(names, numbers, labels), rows=numbers)


def _positions(names: list[str], numbers: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    position = {label: i for i, label in enumerate(labels)}
    unknown: dict[str, int] = {}
    for name, number in zip(names, numbers, strict=True):
        if name not in position:
            unknown.setdefault(name, int(number))
    if unknown:
        raise LabelUnknownToModel(unknown, labels)
    return np.array([position[name] for name in names], dtype=np.int64)
