"""Pointing to `label_mapping`, with planted truth on both sides."""

from __future__ import annotations

import numpy as np

from app.learn.advice.labels import swapped_labels

LABELS = ("a", "b", "c")


def _answers(predicted: np.ndarray) -> np.ndarray:
    return np.eye(3)[predicted]


def test_swapped_labels_are_reported_with_the_mapping() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 3, 120)
    predicted = np.where(draw.random(120) < 0.95, (targets + 1) % 3, targets)
    found = swapped_labels(_answers(predicted), targets, LABELS)
    assert found is not None
    assert "label_mapping" in found
    assert '"a": "b"' in found


def test_a_model_that_knows_nothing_or_is_right_is_not_accused() -> None:
    for seed in range(20):
        draw = np.random.default_rng(seed)
        targets = draw.integers(0, 3, 60)
        for predicted in (draw.integers(0, 3, 60), targets, np.zeros(60, dtype=np.int64)):
            assert swapped_labels(_answers(predicted), targets, LABELS) is None


def test_few_rows_tell_nothing() -> None:
    targets = np.array([0, 1, 2])
    assert swapped_labels(_answers((targets + 1) % 3), targets, LABELS) is None
