"""Logistic regression from nothing on frozen features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.splits import stratified_folds
from app.learn.heads.linear_probe import fit_probe, probe_answers
from app.learn.heads.logistic import PENALTIES, LabelledFeatures
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier


def _cloud(count: int, seed: int = 0) -> LabelledFeatures:
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    vectors = 0.01 * (np.eye(8)[:3][targets] * 2 + 2 * draw.normal(size=(count, 8))) + 5.0
    return LabelledFeatures(vectors, targets, np.arange(count))


def _folds(points: LabelledFeatures) -> np.ndarray:
    return stratified_folds(points.targets, np.arange(len(points)), 0)


def test_a_probe_is_the_regression_of_scikit_learn_whatever_the_features_unit() -> None:
    points = _cloud(120)
    head, tried = fit_probe(points, 3, _folds(points), lambda _: None)
    chosen = min(tried, key=lambda one: one["out_of_fold_loss"])["penalty"]
    centre = points.vectors.mean(axis=0)
    moved = (points.vectors - centre) / np.sqrt(((points.vectors - centre) ** 2).mean())
    reference = LogisticRegression(C=1 / chosen, tol=1e-9, max_iter=1000).fit(moved, points.targets)
    logits = head.logits(points.vectors)
    answers = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers, reference.predict_proba(moved), atol=1e-2)


def test_the_best_penalty_lies_within_the_grid() -> None:
    for count in (12, 30, 300):
        points = _cloud(count)
        _, tried = fit_probe(points, 3, _folds(points), lambda _: None)
        losses = [one["out_of_fold_loss"] for one in tried]
        assert 0 < int(np.argmin(losses)) < len(tried) - 1 < len(PENALTIES) - 1


def test_the_source_models_own_head_has_no_part_in_a_probe(tmp_path: Path) -> None:
    folder, rows = a_text_classifier(tmp_path / "model", labels=LABELS), labelled_examples(60)
    found = detect_format(folder)
    network = found.load(folder, found.inspect(folder, ModelHints()))
    answers = probe_answers(network, rows.take(np.arange(40)), rows.inputs, None, 0, NullMonitor())
    for parameter in network.head_parameters():
        torch.nn.init.normal_(parameter)
    again = probe_answers(network, rows.take(np.arange(40)), rows.inputs, None, 0, NullMonitor())
    assert answers is not None
    np.testing.assert_array_equal(answers, again)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
