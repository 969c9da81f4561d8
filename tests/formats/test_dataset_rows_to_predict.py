"""What of a registered dataset a model is asked, and what counts as true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, Format, Task
from app.domain.models import ModelFacts, TextInput
from app.formats.dataset_rows import PredictionRows, open_prediction_rows
from app.formats.images.pixels import ImageRows, write_image_rows
from app.formats.tables.canonical import (
    LabelSetRow,
    TaggedRow,
    TextRow,
    UnlabelledRow,
    write_label_set_rows,
    write_tagged_rows,
    write_text_rows,
    write_unlabelled_rows,
)

_TAGGED = TaggedRow(3, ["Ada", "left"], ["B-PER", "O"], "Ada left")


def _ask(
    file: Path, kind: DatasetKind, task: Task, labels: tuple[str, ...] = ("no", "yes")
) -> PredictionRows:
    model = ModelFacts(Format.HUGGINGFACE, task, labels, TextInput(64), "Bert", 1)
    return open_prediction_rows(file, DatasetFacts(kind, 1, (), False), model)(0, 10)


def _labelled(file: Path) -> Path:
    write_text_rows([TextRow(7, "Hello, you", "yes")], file)
    return file


def _tagged(file: Path) -> Path:
    write_tagged_rows([_TAGGED], file)
    return file


@pytest.mark.parametrize(
    ("task", "truth"),
    [
        (Task.TEXT_CLASSIFICATION, ["yes"]),
        (Task.MULTI_LABEL_CLASSIFICATION, [["yes"]]),
        (Task.TOKEN_CLASSIFICATION, None),
    ],
)
def test_one_label_is_true_where_the_model_answers_labels(
    tmp_path: Path, task: Task, truth: Any
) -> None:
    rows = _ask(_labelled(tmp_path / "rows"), DatasetKind.LABELLED, task)
    assert (rows.numbers, rows.texts, rows.truth) == ([7], ["Hello, you"], truth)
    words = task is Task.TOKEN_CLASSIFICATION
    assert rows.inputs == ([("Hello", ",", "you")] if words else ["Hello, you"])


def test_texts_without_labels_have_no_truth(tmp_path: Path) -> None:
    write_unlabelled_rows([UnlabelledRow(2, "Hello")], tmp_path / "rows")
    rows = _ask(tmp_path / "rows", DatasetKind.UNLABELLED, Task.TEXT_CLASSIFICATION)
    assert (rows.numbers, rows.inputs, rows.truth) == ([2], ["Hello"], None)


def test_a_set_of_labels_is_true_for_a_model_of_sets_alone(tmp_path: Path) -> None:
    write_label_set_rows([LabelSetRow(1, "Hello", [])], tmp_path / "rows")
    ask = (tmp_path / "rows", DatasetKind.MULTI_LABELLED)
    assert _ask(*ask, Task.MULTI_LABEL_CLASSIFICATION).truth == [[]]
    assert _ask(*ask, Task.TEXT_CLASSIFICATION).truth is None


@pytest.mark.parametrize(
    ("labels", "tags"),
    [(("O", "B-PER"), ["B-PER", "O"]), (("O", "B-PER", "E-PER", "S-PER"), ["S-PER", "O"])],
)
def test_tags_are_true_in_the_models_own_scheme(
    tmp_path: Path, labels: tuple[str, ...], tags: list[str]
) -> None:
    rows = _ask(_tagged(tmp_path / "rows"), DatasetKind.TOKENS, Task.TOKEN_CLASSIFICATION, labels)
    assert (rows.inputs, rows.truth) == ([("Ada", "left")], [tags])


def test_a_classifier_reads_tagged_words_as_a_text(tmp_path: Path) -> None:
    rows = _ask(_tagged(tmp_path / "rows"), DatasetKind.TOKENS, Task.TEXT_CLASSIFICATION)
    assert (rows.inputs, rows.truth) == (["Ada left"], None)


def test_rows_are_read_from_one_position_to_another(tmp_path: Path) -> None:
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    write_image_rows(ImageRows(images, np.array([0, 1, 0, 1, 1]), ("a", "b")), tmp_path / "x")
    model = ModelFacts(Format.ONNX, Task.IMAGE_CLASSIFICATION, ("a", "b"), TextInput(1), "CNN", 1)
    read = open_prediction_rows(
        tmp_path / "x", DatasetFacts(DatasetKind.IMAGES, 5, (), False), model
    )
    rows = read(3, 5)
    assert (rows.numbers, rows.texts, rows.truth) == ([4, 5], None, ["b", "b"])
    assert np.array_equal(np.asarray(rows.inputs).ravel(), [3, 4])
