"""A registered dataset's rows, from its canonical file: to learn from, to predict, to show."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from app.domain.datasets import DatasetFacts
from app.domain.enums import KINDS_OF_TASKS, DatasetKind, Task
from app.domain.errors.transfers import LabelUnknownToModel
from app.domain.models import ModelFacts
from app.domain.tagging import split_tag, words_in
from app.formats.dataset_report import sort_labels
from app.formats.images.pixels import read_image_rows
from app.formats.tables.canonical import (
    read_column,
    read_label_set_rows,
    read_pair_rows,
    read_tagged_rows,
    read_text_rows,
    read_unlabelled_rows,
)
from app.learn.data.examples import NO_WORD, Examples, Inputs, TextPairs

_ROW_READERS: dict[DatasetKind, Callable[..., Iterator[Any]]] = {
    DatasetKind.LABELLED: read_text_rows,
    DatasetKind.MULTI_LABELLED: read_label_set_rows,
    DatasetKind.TOKENS: read_tagged_rows,
    DatasetKind.UNLABELLED: read_unlabelled_rows,
    DatasetKind.PARALLEL: read_pair_rows,
    DatasetKind.DICTIONARY: read_pair_rows,
}


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
        return load_tagged_examples(canonical, facts, labels, mapping)
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


def load_pairs(canonical: Path) -> TextPairs:
    """The pairs of a parallel dataset or a dictionary."""
    return TextPairs(
        tuple(read_column(canonical, "source")), tuple(read_column(canonical, "target"))
    )


def _load_texts(
    canonical: Path, facts: DatasetFacts, labels: tuple[str, ...], mapping: Mapping[str, str]
) -> Examples:
    rows = list(read_text_rows(canonical))
    numbers = np.array([row.row for row in rows], dtype=np.int64)
    groups = tuple(row.group or "" for row in rows) if facts.grouped else None
    return Examples(
        inputs=[row.text for row in rows],
        targets=_label_positions(
            [mapping.get(row.label, row.label) for row in rows], numbers, labels
        ),
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
    targets[owners, _label_positions(names, numbers[owners], labels)] = True
    groups = tuple(row.group or "" for row in rows) if facts.grouped else None
    return Examples([row.text for row in rows], targets, numbers, groups)


def _load_images(canonical: Path, labels: tuple[str, ...], mapping: Mapping[str, str]) -> Examples:
    rows = read_image_rows(canonical)
    numbers = np.arange(1, len(rows.targets) + 1, dtype=np.int64)
    renamed = [mapping.get(label, label) for label in rows.labels]
    names = [renamed[target] for target in rows.targets]
    return Examples(
        inputs=rows.images, targets=_label_positions(names, numbers, labels), rows=numbers
    )


def _label_positions(names: list[str], numbers: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    position = {label: i for i, label in enumerate(labels)}
    unknown: dict[str, int] = {}
    for name, number in zip(names, numbers, strict=True):
        if name not in position:
            unknown.setdefault(name, int(number))
    if unknown:
        raise LabelUnknownToModel(unknown, labels)
    return np.array([position[name] for name in names], dtype=np.int64)


def load_tagged_examples(
    canonical: Path, facts: DatasetFacts, labels: tuple[str, ...], mapping: Mapping[str, str]
) -> Examples:
    """All sentences, tags as positions in the model's `labels`, in the model's own scheme.

    The table's tags are BIO; a model with labels for the end and for a single word of an entity
    (BIOES, BILOU) gets those. Raises `LabelUnknownToModel`, naming the first row of each such tag.
    """
    rows = list(read_tagged_rows(canonical))
    position = {label: i for i, label in enumerate(labels)}
    targets = np.full((len(rows), max((len(row.tags) for row in rows), default=0)), NO_WORD)
    unknown: dict[str, int] = {}
    for i, row in enumerate(rows):
        tags = [rename_tag(tag, mapping) for tag in row.tags]
        for j, tag in enumerate(to_model_scheme(labels, tags)):
            if tag not in position:
                unknown.setdefault(tag, row.row)
            targets[i, j] = position.get(tag, NO_WORD)
    if unknown:
        raise LabelUnknownToModel(unknown, labels)
    return Examples(
        inputs=[tuple(row.words) for row in rows],
        targets=targets.astype(np.int64),
        rows=np.array([row.row for row in rows], dtype=np.int64),
        groups=tuple(row.group or "" for row in rows) if facts.grouped else None,
    )


def rename_tag(tag: str, mapping: Mapping[str, str]) -> str:
    """The tag as `mapping` renames it: as a whole (B-PERSON), or by its entity type (PERSON)."""
    if tag in mapping:
        return mapping[tag]
    part = split_tag(tag)
    if part is None or part[1] not in mapping:
        return tag
    return f"{part[0]}-{mapping[part[1]]}"


def to_model_scheme(labels: tuple[str, ...], tags: list[str]) -> list[str]:
    """BIO tags as a model writes them whose labels are these."""
    letters = _end_and_single_letters(labels)
    written = mark_entity_ends(tags, *letters) if letters else tags
    if not any(label.startswith("M-") for label in labels):
        return written
    return [f"M{tag[1:]}" if tag.startswith("I-") else tag for tag in written]


def mark_entity_ends(tags: list[str], end: str, single: str) -> list[str]:
    """BIO tags in a scheme whose entities' last words have a letter of their own."""
    written = []
    for i, tag in enumerate(tags):
        goes_on = i + 1 < len(tags) and tags[i + 1] == f"I{tag[1:]}"
        begins = tag.startswith("B-")
        if not goes_on and (begins or tag.startswith("I-")):
            tag = f"{single if begins else end}{tag[1:]}"
        written.append(tag)
    return written


def _end_and_single_letters(labels: tuple[str, ...]) -> tuple[str, str] | None:
    """The letters for the end and the single word of an entity, where the labels have such."""
    first = {label[0] for label in labels if label[1:2] == "-"}
    if first & {"E", "S"}:
        return "E", "S"
    return ("L", "U") if first & {"L", "U"} else None


@dataclass(frozen=True)
class PredictionRows:
    """Some rows: their numbers in the dataset (from 1), the model's inputs and the true labels.

    `texts` is None for images. `truth` has a label, or a list of labels, for each row; it is None
    where the dataset has no labels of the model's task.
    """

    numbers: list[int]
    inputs: Inputs
    texts: list[str] | None
    truth: list[Any] | None


def open_prediction_rows(
    canonical: Path, facts: DatasetFacts, model: ModelFacts
) -> Callable[[int, int], PredictionRows]:
    """What gives the rows from one position up to another, counted from 0.

    A table of texts is held in memory in Arrow's form, images are read from the file as they are
    asked for.
    """
    if facts.kind is DatasetKind.IMAGES:
        return partial(_image_rows, canonical)
    return partial(_text_rows, pq.read_table(canonical), facts.kind, model)


def _image_rows(canonical: Path, start: int, end: int) -> PredictionRows:
    rows = read_image_rows(canonical, start, end - start)
    truth = [rows.labels[target] for target in rows.targets]
    numbers = list(range(start + 1, start + 1 + len(truth)))
    return PredictionRows(numbers, rows.images, None, truth)


def _text_rows(
    table: pa.Table, kind: DatasetKind, model: ModelFacts, start: int, end: int
) -> PredictionRows:
    columns = table.slice(start, end - start).to_pydict()
    texts: list[str] = columns["text"]
    inputs: Inputs = texts
    if model.task is Task.TOKEN_CLASSIFICATION:
        found = columns.get("words")
        inputs = list(map(tuple, found)) if found else list(map(words_in, texts))
    return PredictionRows(columns["row"], inputs, texts, _true_labels(columns, kind, model))


def _true_labels(columns: dict[str, Any], kind: DatasetKind, model: ModelFacts) -> list[Any] | None:
    if kind not in KINDS_OF_TASKS[model.task]:
        return None
    if kind is DatasetKind.TOKENS:
        return [to_model_scheme(model.labels, tags) for tags in columns["tags"]]
    if kind is DatasetKind.MULTI_LABELLED:
        labels: list[Any] = columns["labels"]
        return labels
    sets = model.task is Task.MULTI_LABEL_CLASSIFICATION
    return [[label] if sets else label for label in columns["label"]]


def preview_dataset(
    canonical: Path, facts: DatasetFacts, offset: int, limit: int
) -> list[dict[str, Any]]:
    """Usable rows from the `offset`-th on (counted from 0), at most `limit`.

    Texts: `{"row", "text", "label", "group"}`, of several labels `labels`, without labels
    `{"row", "text"}`; tagged sentences: `{"row", "words", "tags", "text", "group"}`; pairs:
    `{"row", "source", "target"}`; images: `{"row", "label", "image"}`, the image as a PNG in
    base64. `row` is the number in the uploaded file, counted from 1.
    """
    read = _ROW_READERS.get(facts.kind)
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
