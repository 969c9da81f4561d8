"""The table of per-row predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.domain.enums import Task
from app.formats.prediction_tables import read_predictions, write_predictions
from app.learn.data.examples import NO_WORD, Examples
from app.learn.tasks.contract import objective_for
from app.learn.tasks.single_label import SingleLabel
from tests.support.datasets import LABELS, image_examples, labelled_examples


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = labelled_examples(30, "hi")
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 30).astype(np.float32)
    probabilities[[4, 8]] = probabilities[4]
    write_predictions(tmp_path / "table", rows, probabilities, SingleLabel(LABELS))
    return tmp_path / "table"


def test_the_worst_rows_come_first_and_the_best_last(table: Path) -> None:
    worst = [row["probability_of_label"] for row in read_predictions(table, "worst")]
    assert len(worst) == 30
    assert worst == sorted(worst)
    assert [row["probability_of_label"] for row in read_predictions(table, "best")] == worst[::-1]


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
    assert first["probability_of_label"] == first["probabilities"][rows.targets[0]]


def test_confidence_is_that_of_the_predicted_label_be_it_right_or_wrong(table: Path) -> None:
    rows = read_predictions(table, "row")
    assert [row["confidence"] for row in rows] == [max(row["probabilities"]) for row in rows]
    wrong = [row for row in rows if row["predicted"] != row["label"]]
    assert wrong
    assert all(row["confidence"] > row["probability_of_label"] for row in wrong)


def test_confidence_of_tags_is_the_mean_over_the_words_of_each_sentence(tmp_path: Path) -> None:
    sentences: list[tuple[str, ...]] = [("Ada", "left"), ("London",)]
    targets = np.array([[1, 0], [0, NO_WORD]])
    probabilities = np.array([[[0.1, 0.9], [0.6, 0.4]], [[0.2, 0.8], [0.5, 0.5]]], np.float32)
    rows = Examples(inputs=sentences, targets=targets, rows=np.array([1, 2]))
    objective = objective_for(Task.TOKEN_CLASSIFICATION, ("O", "B-PER"))
    write_predictions(tmp_path / "table", rows, probabilities, objective)
    first, second = read_predictions(tmp_path / "table", "row")
    assert first["confidence"] == pytest.approx((0.9 * 0.6) ** 0.5)
    assert second["confidence"] == pytest.approx(0.8)
    assert second["probability_of_label"] == pytest.approx(0.2)


def test_confidence_of_label_sets_counts_the_labels_left_out(tmp_path: Path) -> None:
    probabilities = np.array([[0.9, 0.2]], np.float32)
    rows = Examples(inputs=["a"], targets=np.array([[False, True]]), rows=np.array([1]))
    objective = objective_for(Task.MULTI_LABEL_CLASSIFICATION, ("no", "yes"))
    write_predictions(tmp_path / "table", rows, probabilities, objective)
    [row] = read_predictions(tmp_path / "table", "row")
    assert row["confidence"] == pytest.approx((0.9 * 0.8) ** 0.5)
    assert row["probability_of_label"] == pytest.approx((0.1 * 0.2) ** 0.5)


def test_an_image_has_its_row_number_and_no_text(tmp_path: Path) -> None:
    rows = image_examples(12)
    probabilities = np.full((12, 10), 0.1, dtype=np.float32)
    write_predictions(tmp_path / "table", rows, probabilities, SingleLabel(tuple("0123456789")))
    found = read_predictions(tmp_path / "table", "row")
    assert [row["row"] for row in found] == list(range(1, 13))
    assert {row["text"] for row in found} == {None}
