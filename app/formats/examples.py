"""From a registered dataset's canonical file to the rows that methods learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, Task
from app.domain.errors.datasets import LabelUnknownToModel
from app.domain.word_parts import words_in
from app.formats.images.canonical import read_image_rows
from app.formats.label_report import sort_labels
from app.formats.tables.canonical import read_text_rows
from app.formats.tables.canonical_label_sets import read_label_set_rows
from app.formats.tables.canonical_tags import read_tagged_rows
from app.formats.tables.row_tables import read_column
from app.formats.tagged_examples import load_tagged, rename_tag
from app.learn.examples import Examples, Inputs
from app.learn.pairs import Pairs


def load_examples(
    canonical: Path,
    facts: DatasetFacts,
    labels: tuple[str, ...],
    mapping: Mapping[str, str] = MappingProxyType({}),
    task: Task | None = None,
) -> Examples:
    """All rows, with targets as positions in the model's `labels`, after renaming by `mapping`.

    For the `task` of several labels a row with one label has a set of one.
    A row without a group id in a dataset that has groups gets the empty group "": it stands
    alone. Raises `LabelUnknownToModel`, naming the first row of each such label.
    """
    if facts.kind is DatasetKind.IMAGES:
        return _load_images(canonical, labels, mapping)
    if facts.kind is DatasetKind.TOKENS:
        return load_tagged(canonical, facts, labels, mapping)
    if facts.kind is DatasetKind.MULTI_LABELLED:
        return _load_label_sets(canonical, facts, labels, mapping)
    rows = _load_texts(canonical, facts, labels, mapping)
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        return replace(rows, targets=np.eye(len(labels), dtype=bool)[rows.targets])
    return rows


def mapped_labels(facts: DatasetFacts, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """The labels of a dataset as the model will see them, sorted; tags keep their order."""
    if facts.kind is DatasetKind.TOKENS:
        return tuple(dict.fromkeys(rename_tag(label, mapping) for label in facts.labels))
    return sort_labels(mapping.get(label, label) for label in facts.labels)


def load_inputs(canonical: Path, facts: DatasetFacts, task: Task | None = None) -> Inputs:
    """The texts or images of any dataset that has them, without their labels.

    For the `task` of tagging words: the words, of texts as `split_words` takes them apart.
    """
    if facts.kind is DatasetKind.IMAGES:
        return read_image_rows(canonical).images
    if task is not Task.TOKEN_CLASSIFICATION:
        return read_column(canonical, "text")
    if facts.kind is DatasetKind.TOKENS:
        return [tuple(row.words) for row in read_tagged_rows(canonical)]
    return [words_in(text) for text in read_column(canonical, "text")]


def load_pairs(canonical: Path) -> Pairs:
    """The pairs of a parallel dataset or a dictionary."""
    return Pairs(tuple(read_column(canonical, "source")), tuple(read_column(canonical, "target")))


def _load_texts(
    canonical: Path, facts: DatasetFacts, labels: tuple[str, ...], mapping: Mapping[str, str]
) -> Examples:
    rows = list(read_text_rows(canonical))
    numbers = np.array([row.row for row in rows], dtype=np.int64)
    groups = tuple(row.group or "" for row in rows) if facts.grouped else None
    return Examples(
        inputs=[row.text for row in rows],
        targets=_positions([mapping.get(row.label, row.label) for row in rows], numbers, labels),
        rows=numbers,
        groups=groups,
    )


def _load_label_sets(
    canonical: Path, facts: DatasetFacts, labels: tuple[str, ...], mapping: Mapping[str, str]
) -> Examples:
    rows = list(read_label_set_rows(canonical))
    numbers = np.array([row.row for row in rows], dtype=np.int64)
    names = [mapping.get(label, label) for row in rows for label in row.labels]
    owners = np.repeat(np.arange(len(rows)), [len(row.labels) for row in rows])
    targets = np.zeros((len(rows), len(labels)), dtype=bool)
    targets[owners, _positions(names, numbers[owners], labels)] = True
    groups = tuple(row.group or "" for row in rows) if facts.grouped else None
    return Examples([row.text for row in rows], targets, numbers, groups)


def _load_images(canonical: Path, labels: tuple[str, ...], mapping: Mapping[str, str]) -> Examples:
    rows = read_image_rows(canonical)
    numbers = np.arange(1, len(rows.targets) + 1, dtype=np.int64)
    renamed = [mapping.get(label, label) for label in rows.labels]
    names = [renamed[target] for target in rows.targets]
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
