"""What is said of the training rows' labels, with planted truth on both sides."""

from __future__ import annotations

import numpy as np

from app.learn.advice.labels import contradicting_labels, missing_labels

LABELS = ("a", "b", "c", "d")


def _answers(targets: np.ndarray, right: float, classes: int, seed: int = 0) -> np.ndarray:
    """Answers of which a share `right` is right, evenly over the rows."""
    random = np.random.default_rng(seed)
    good = random.permutation(len(targets)) < right * len(targets)
    wrong = (targets + random.integers(1, classes, len(targets))) % classes
    return np.eye(classes, dtype=np.float32)[np.where(good, targets, wrong)]


def test_labels_without_a_row_are_named_with_what_became_of_their_recall() -> None:
    trained, targets = np.array([0, 1, 0, 1]), np.arange(40) % 4
    before = np.eye(4)[np.where(targets < 3, targets, 0)]
    after = np.eye(4)[np.where(targets < 2, targets, 0)]
    found = missing_labels(trained, LABELS, targets, before, after)
    assert found == (
        "2 of the model's 4 labels have no labelled row of the target language (`c`, `d`). On the "
        "20 test rows of these labels the mean recall fell from 50% to 0%. Send a few rows of each."
    )
    assert "rose from 0% to 50%" in str(missing_labels(trained, LABELS, targets, after, before))
    assert "stayed at 50%" in str(missing_labels(trained, LABELS, targets, before, before))
    assert "recall is 0%" in str(missing_labels(trained, LABELS, targets, None, after))


def test_nothing_is_said_where_each_label_has_a_row() -> None:
    targets = np.arange(40) % 4
    assert missing_labels(np.arange(4), LABELS, targets, np.eye(4)[targets]) is None


def test_recall_is_not_reported_of_labels_without_test_rows() -> None:
    targets = np.arange(40) % 2
    found = missing_labels(
        np.array([0, 1]), LABELS, targets, np.eye(4)[targets], np.eye(4)[targets]
    )
    assert found is not None
    assert "recall" not in found


def test_shuffled_training_labels_are_distinguished_from_true_ones() -> None:
    random = np.random.default_rng(0)
    truth, targets = random.integers(0, 27, 32), random.integers(0, 27, 400)
    on_trained, on_test = _answers(truth, 0.53, 27), _answers(targets, 0.53, 27)
    assert contradicting_labels(truth, on_trained, targets, on_test) is None
    found = [
        contradicting_labels(
            np.random.default_rng(i).permutation(truth), on_trained, targets, on_test
        )
        for i in range(20)
    ]
    warned = [one for one in found if one is not None]
    assert len(warned) >= 18
    assert all("but with 53% of the test rows" in one for one in warned)


def test_hard_training_rows_and_a_poor_model_are_no_contradiction() -> None:
    random = np.random.default_rng(0)
    truth, targets = random.integers(0, 27, 100), random.integers(0, 27, 400)
    hard, poor = _answers(truth, 0.2, 27), _answers(targets, 0.04, 27)
    assert contradicting_labels(truth, hard, targets, _answers(targets, 0.53, 27)) is None
    assert contradicting_labels(truth, _answers(truth, 0.03, 27), targets, poor) is None


def test_nine_test_rows_accuse_nobody() -> None:
    random = np.random.default_rng(0)
    truth, targets = random.integers(0, 27, 32), random.integers(0, 27, 9)
    answers = _answers(targets, 0.6, 27)
    assert contradicting_labels(truth, _answers(truth, 0.0, 27), targets, answers) is None
