"""Scores against scikit-learn's, and intervals against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from app.learn.tasks.single_label import score_labels

LABELS = ("a", "b", "c")


def _predictions(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Right about three times in four, with probabilities that mean what they say."""
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.full(3, 0.4), rows).astype(np.float32)
    targets = np.array([draw.choice(3, p=p / p.sum()) for p in probabilities.astype(np.float64)])
    return probabilities, targets


def test_values_are_those_of_scikit_learn() -> None:
    probabilities, targets = _predictions(200)
    found = score_labels(probabilities, targets, LABELS)
    predicted = probabilities.argmax(axis=1)
    assert found["accuracy"]["value"] == pytest.approx(reference.accuracy_score(targets, predicted))
    assert found["macro_f1"]["value"] == pytest.approx(
        reference.f1_score(targets, predicted, average="macro"), abs=1e-6
    )
    clipped = np.maximum(probabilities.astype(np.float64), 1e-7)
    assert found["log_loss"]["value"] == pytest.approx(
        -np.log(clipped[np.arange(200), targets]).mean(), rel=1e-5
    )
    assert found["confusion"] == reference.confusion_matrix(targets, predicted).tolist()
    precision, recall, f1, support = reference.precision_recall_fscore_support(targets, predicted)
    for i, scores in enumerate(found["per_class"]):
        assert scores["label"] == LABELS[i]
        assert (scores["precision"], scores["recall"]) == pytest.approx((precision[i], recall[i]))
        assert (scores["f1"], scores["support"]) == pytest.approx((f1[i], support[i]))


def test_a_label_that_never_occurs_does_not_lower_macro_f1() -> None:
    targets = np.array([0, 1, 0, 1])
    probabilities = np.eye(3, dtype=np.float32)[targets]
    found = score_labels(probabilities, targets, LABELS)
    assert found["macro_f1"]["value"] == 1.0
    assert found["per_class"][2] == {
        "label": "c",
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile(np.array([0.9, 0.05, 0.05], dtype=np.float32), (10, 1))
    targets = np.array([0] * 5 + [1] * 5)
    found = score_labels(probabilities, targets, LABELS)["expected_calibration_error"]
    assert found["value"] == pytest.approx(0.4, abs=1e-6)
    assert found["low"] <= found["value"] <= found["high"]


def test_a_well_calibrated_model_has_a_small_calibration_error() -> None:
    probabilities, targets = _predictions(5000)
    assert (
        score_labels(probabilities, targets, LABELS)["expected_calibration_error"]["value"] < 0.03
    )


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss", "expected_calibration_error"])
def test_every_value_lies_within_its_interval(name: str) -> None:
    probabilities, targets = _predictions(80)
    found = score_labels(probabilities, targets, LABELS)[name]
    assert found["low"] <= found["value"] <= found["high"]
    assert found["low"] < found["high"]


def test_a_single_row_has_a_score() -> None:
    found = score_labels(np.array([[0.2, 0.5, 0.3]], dtype=np.float32), np.array([1]), LABELS)
    assert found["accuracy"] == {"value": 1.0, "low": pytest.approx(0.0513, abs=1e-4), "high": 1.0}
    assert found["macro_f1"]["value"] == 1.0
    assert found["macro_f1"]["low"] is None
