"""The baselines."""

from __future__ import annotations

import numpy as np

from app.learn.tasks.baselines import tfidf
from app.learn.tasks.single_label import majority_baseline
from tests.support.datasets import labelled_examples


def test_majority_always_answers_the_most_frequent_training_label() -> None:
    found = majority_baseline(np.array([2, 2, 0]), count=4, classes=3)
    assert found.argmax(axis=1).tolist() == [2, 2, 2, 2]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert found.min() > 0, "a label that was not seen is unlikely, not impossible"


def test_tfidf_learns_words_of_any_script() -> None:
    rows = labelled_examples(54, "hi")
    train, test = rows.take(np.arange(0, 54, 2)), rows.take(np.arange(1, 54, 2))
    found = tfidf(train.inputs, train.targets, test.inputs, classes=3)
    assert np.mean(found.argmax(axis=1) == test.targets) > 0.8
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_tfidf_gives_labels_without_training_rows_no_probability() -> None:
    found = tfidf(["red apple", "blue sky"], np.array([0, 3]), ["red"], classes=5)
    assert found.shape == (1, 5)
    assert found[0, [1, 2, 4]].tolist() == [0, 0, 0]
    assert found[0].argmax() == 0


def test_tfidf_of_a_single_label_is_the_majority() -> None:
    found = tfidf(["red", "blue"], np.array([1, 1]), ["green"], classes=2)
    np.testing.assert_array_equal(found, majority_baseline(np.array([1, 1]), 1, 2))
