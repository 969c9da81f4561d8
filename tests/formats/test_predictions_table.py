"""The table of per-row predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.formats.predictions_table import read_predictions, write_predictions
from app.learn.objectives.single_label import SingleLabel
from tests.support.datasets import LABELS, image_examples, labelled_examples


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = labelled_examples(30, "hi")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 30).astype(np.float32)
    probabilities[[4, 8]] = probabilities[4]
    write_predictions(tmp_path / "table", rows, probabilities, SingleLabel(LABELS))
    return tmp_path / "table"


def test_the_worst_rows_come_first_and_the_best_last(table: Path) -> None:
    worst = [row["probability"] for row in read_predictions(table, "worst")]
    assert len(worst) == 30
    assert worst == sorted(worst)
    assert [row["probability"] for row in read_predictions(table, "best")] == worst[::-1]


def test_pages_follow_each_other_without_gap_or_overlap(table: Path) -> None:
    pages = [read_predictions(table, "worst", offset, 7) for offset in range(0, 35, 7)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert sorted(row["row"] for page in pages for row in page) == list(range(1, 31))


def test_a_row_carries_its_text_its_labels_and_every_probability(table: Path) -> None:
    rows = labelled_examples(30, "hi")
    first = read_predictions(table, "row", 0, 1)[0]
    assert first["text"] == rows.inputs[0]
    assert first["label"] == LABELS[rows.targets[0]]
    assert first["predicted"] == LABELS[int(np.argmax(first["probabilities"]))]
    assert first["probability"] == first["probabilities"][rows.targets[0]]


def test_an_image_has_its_row_number_and_no_text(tmp_path: Path) -> None:
    rows = image_examples(12)
    probabilities = np.full((12, 10), 0.1, dtype=np.float32)
    write_predictions(tmp_path / "table", rows, probabilities, SingleLabel(tuple("0123456789")))
    found = read_predictions(tmp_path / "table", "row")
    assert [row["row"] for row in found] == list(range(1, 13))
    assert {row["text"] for row in found} == {None}
