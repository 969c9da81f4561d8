"""The rows of a registered dataset, as a model is asked about them part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, Task
from app.domain.models import ModelFacts
from app.domain.roles import KINDS_OF_TASKS
from app.domain.word_parts import words_in
from app.formats.images.canonical import read_image_rows
from app.formats.tagged_examples import in_scheme_of
from app.learn.examples import Inputs


@dataclass(frozen=True)
class RowsToAsk:
    """Some rows: their numbers in the dataset (from 1), what the model is asked, what is true.

    `texts` is None for images. `truth` has a label, or a list of labels, for each row; it is None
    where the dataset has none that answers what the model is asked.
    """

    numbers: list[int]
    inputs: Inputs
    texts: list[str] | None
    truth: list[Any] | None


def open_rows(
    canonical: Path, facts: DatasetFacts, model: ModelFacts
) -> Callable[[int, int], RowsToAsk]:
    """What gives the rows from one position up to another, counted from 0.

    A table of texts is held in memory in Arrow's form, images are read from the file as they are
    asked for.
    """
    if facts.kind is DatasetKind.IMAGES:
        return partial(_images, canonical)
    return partial(_texts, pq.read_table(canonical), facts.kind, model)


def _images(canonical: Path, start: int, end: int) -> RowsToAsk:
    rows = read_image_rows(canonical, start, end - start)
    truth = [rows.labels[target] for target in rows.targets]
    numbers = list(range(start + 1, start + 1 + len(truth)))
    return RowsToAsk(numbers, rows.images, None, truth)


def _texts(
    table: pa.Table, kind: DatasetKind, model: ModelFacts, start: int, end: int
) -> RowsToAsk:
    columns = table.slice(start, end - start).to_pydict()
    texts: list[str] = columns["text"]
    inputs: Inputs = texts
    if model.task is Task.TOKEN_CLASSIFICATION:
        found = columns.get("words")
        inputs = list(map(tuple, found)) if found else list(map(words_in, texts))
    return RowsToAsk(columns["row"], inputs, texts, _truth(columns, kind, model))


def _truth(columns: dict[str, Any], kind: DatasetKind, model: ModelFacts) -> list[Any] | None:
    if kind not in KINDS_OF_TASKS[model.task]:
        return None
    if kind is DatasetKind.TOKENS:
        return [in_scheme_of(model.labels, tags) for tags in columns["tags"]]
    if kind is DatasetKind.MULTI_LABELLED:
        labels: list[Any] = columns["labels"]
        return labels
    sets = model.task is Task.MULTI_LABEL_CLASSIFICATION
    return [[label] if sets else label for label in columns["label"]]
