"""Which of its own labels a network keeps, and how sure it has a right to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.learn.calibration import softmax
from app.methods.self_train.pseudo_labels import (
    expected_label_shares,
    most_confident_per_class,
    shares_within_errors,
    shift_to_shares,
)

# Four rows taken for label 0, surely; three for label 1, less so; none for label 2.
SURE_OF_ONE = np.array(
    [
        [0.99, 0.01, 0.0],
        [0.98, 0.02, 0.0],
        [0.97, 0.03, 0.0],
        [0.96, 0.04, 0.0],
        [0.4, 0.6, 0.0],
        [0.45, 0.55, 0.0],
        [0.48, 0.52, 0.0],
    ]
)


def test_a_class_that_the_network_is_less_sure_of_does_not_drown() -> None:
    sure = most_confident_per_class(SURE_OF_ONE, share=0.5)
    assert sure.positions.tolist() == [0, 1, 4, 5]
    assert sure.targets.tolist() == [0, 0, 1, 1]
    assert sure.thresholds[:2].tolist() == [0.98, 0.55]
    assert np.isnan(sure.thresholds[2])


def test_below_the_least_confidence_nothing_is_kept_of_any_class() -> None:
    sure = most_confident_per_class(SURE_OF_ONE, share=1.0, least_confidence=0.7)
    assert sure.positions.tolist() == [0, 1, 2, 3]
    assert np.isnan(sure.thresholds[1])


def test_at_least_one_row_of_each_predicted_class_is_kept() -> None:
    sure = most_confident_per_class(SURE_OF_ONE, share=0.01)
    assert sure.positions.tolist() == [0, 4]


def test_the_shift_makes_the_mean_prediction_what_is_expected() -> None:
    logits = np.random.default_rng(0).normal(size=(200, 3)) * 3 + [0, 2, -4]
    shares = np.array([0.5, 0.3, 0.2])
    shift = shift_to_shares(logits, shares)
    assert softmax(logits + shift).mean(axis=0) == pytest.approx(shares, abs=1e-3)
    assert shift.sum() == pytest.approx(0)


def test_many_target_rows_outweigh_the_source_in_what_is_expected() -> None:
    source = np.zeros(5000, dtype=np.int64)
    few, many = np.ones(10, dtype=np.int64), np.ones(10_000, dtype=np.int64)
    for target, least, most in [(few, 0.8, 0.95), (many, 0.0, 0.05)]:
        shares = expected_label_shares(target, source, classes=2)
        assert shares is not None
        assert shares.sum() == pytest.approx(1)
        assert least < shares[0] < most
    assert expected_label_shares(None, None, classes=2) is None


def test_no_label_is_thought_impossible() -> None:
    shares = expected_label_shares(np.zeros(40, dtype=np.int64), None, classes=3)
    assert shares is not None
    assert shares.min() > 0.01


@given(st.integers(0, 1000), st.floats(0.1, 30.0), st.integers(2, 6))
def test_shares_are_believed_no_further_than_the_network_doubts_its_answers(
    seed: int, sharpness: float, classes: int
) -> None:
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(50, classes)) * sharpness
    shares = draw.dirichlet(np.ones(classes))
    found = shares_within_errors(logits, shares)
    probabilities = softmax(logits)
    changed = 0.5 * np.abs(found - probabilities.mean(axis=0)).sum()
    errors = 1.0 - probabilities.max(axis=1).mean()
    assert found.sum() == pytest.approx(1.0)
    assert found.min() >= 0.0
    assert changed <= errors + 1e-9
    if 0.5 * np.abs(shares - probabilities.mean(axis=0)).sum() <= errors:
        assert found == pytest.approx(shares)


def test_ten_labels_of_each_class_do_not_undo_sure_answers_about_uneven_inputs() -> None:
    truth = np.repeat([0, 1, 2], [700, 200, 100])
    logits = np.random.default_rng(0).uniform(2, 12, (1000, 1)) * np.eye(3)[truth]
    even = np.full(3, 1 / 3)
    right = {
        name: ((logits + shift_to_shares(logits, shares)).argmax(axis=1) == truth).mean()
        for name, shares in (("all", even), ("some", shares_within_errors(logits, even)))
    }
    assert right["some"] > 0.97
    assert right["all"] < 0.8
