"""Sets of labels: scores against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from app.learn.data.examples import Examples
from app.learn.tasks.multi_label import MultiLabel

LABELS = ("news", "sport", "never", "law")


def _answers(rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    probabilities = draw.random((rows, 4)).astype(np.float32)
    targets = draw.random((rows, 4)) < probabilities
    targets[:, 2] = False
    return probabilities, targets


def test_values_are_those_of_scikit_learn() -> None:
    probabilities, targets = _answers()
    predicted = probabilities >= 0.5
    found = MultiLabel(LABELS).score(probabilities, targets)
    expected = {
        "micro_f1": reference.f1_score(targets, predicted, average="micro"),
        "macro_f1": reference.f1_score(targets, predicted, average="macro"),
        "micro_precision": reference.precision_score(targets, predicted, average="micro"),
        "micro_recall": reference.recall_score(targets, predicted, average="micro"),
        "subset_accuracy": reference.accuracy_score(targets, predicted),
        "hamming_loss": reference.hamming_loss(targets, predicted),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-6), name
        assert found[name]["low"] <= value <= found[name]["high"]
    scores = {one["label"]: one["average_precision"] for one in found["per_class"]}
    assert scores["never"] is None
    assert scores["law"] == pytest.approx(
        reference.average_precision_score(targets[:, 3], probabilities[:, 3])
    )


def test_a_label_is_predicted_from_its_own_threshold_on() -> None:
    objective = MultiLabel(("a", "b"), (0.2, 0.9))
    probabilities = np.array([[0.2, 0.8], [0.1, 0.9]], dtype=np.float32)
    assert objective.row_answers(probabilities, np.zeros((2, 2), bool)).predicted == [["a"], ["b"]]


def test_the_majority_is_the_most_frequent_set() -> None:
    targets = np.array([[1, 1], [1, 1], [0, 1], [1, 0], [0, 0]], dtype=bool)
    answers = MultiLabel(("a", "b")).majority(targets, ["x"])
    assert answers.tolist() == [[pytest.approx(4 / 7), pytest.approx(4 / 7)]]
    rare = MultiLabel(("a", "b")).majority(np.eye(2, dtype=bool)[[0, 0, 1]], ["x"])
    assert (rare >= 0.5).tolist() == [[True, False]]


def test_the_loss_is_binary_cross_entropy_over_rows_and_labels() -> None:
    probabilities, targets = _answers()
    objective = MultiLabel(LABELS)
    loss = objective.loss(torch.logit(torch.from_numpy(probabilities)), torch.from_numpy(targets))
    mean = objective.log_losses(probabilities, targets).mean()
    assert float(loss) == pytest.approx(float(mean), rel=1e-5)


def test_the_baseline_answers_each_label_by_itself() -> None:
    texts = ["goal and match", "the court rules", "goal in court", "nothing here"] * 5
    targets = np.array([[0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]] * 5, dtype=bool)
    train = Examples(inputs=texts, targets=targets, rows=np.arange(20))
    answers = MultiLabel(LABELS).text_baseline(train, ["a goal", "goal in court"])
    assert answers is not None
    assert (answers >= 0.5).tolist() == [
        [False, True, False, False],
        [False, True, False, True],
    ]
