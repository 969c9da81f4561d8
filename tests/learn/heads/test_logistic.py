"""Regressions around a prior head."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.learn.data.splits import stratified_folds
from app.learn.heads.logistic import (
    PENALTIES,
    HeadPrior,
    LabelledFeatures,
    LinearHead,
    choose_penalty,
    fit_logistic,
)

NOTHING = LinearHead(np.zeros((5, 3)), np.zeros(3))


def cloud(count: int, seed: int = 0, shift: float = 0.0) -> LabelledFeatures:
    """Three classes around three corners; `shift` moves the corners."""
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    corners = np.eye(5)[:3] * 2.0 + shift
    return LabelledFeatures(
        corners[targets] + draw.normal(size=(count, 5)), targets, np.arange(count)
    )


def test_a_fit_around_nothing_is_that_of_scikit_learn() -> None:
    points = cloud(90)
    found = fit_logistic(points, HeadPrior(NOTHING, 2.0, 0.0))
    reference = LogisticRegression(C=0.5, tol=1e-9, max_iter=1000).fit(
        points.vectors, points.targets
    )
    expected = reference.predict_proba(points.vectors)
    logits = found.logits(points.vectors)
    answers = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers, expected, atol=1e-3)


def test_several_labels_are_fitted_each_by_itself() -> None:
    points = cloud(90)
    several = LabelledFeatures(points.vectors, np.eye(3, dtype=bool)[points.targets], points.rows)
    found = fit_logistic(several, HeadPrior(NOTHING, 2.0, 0.0))
    for label in range(3):
        reference = LogisticRegression(C=0.5, tol=1e-9, max_iter=1000)
        reference.fit(points.vectors, points.targets == label)
        np.testing.assert_allclose(found.weight[:, label], reference.coef_[0], atol=1e-2)


def test_the_firmer_the_prior_the_nearer_the_head_stays() -> None:
    prior = LinearHead(np.ones((5, 3)), np.ones(3))
    away = [
        np.abs(fit_logistic(cloud(30), HeadPrior(prior, firm, firm)).weight - 1).max()
        for firm in (0.1, 10, 1e6)
    ]
    assert away[0] > away[1] > away[2]
    assert away[2] < 1e-3


def test_a_good_prior_is_held_to_and_a_wrong_one_left() -> None:
    points = cloud(60, seed=1)
    folds = stratified_folds(points.targets, np.arange(60), 0)
    good = fit_logistic(cloud(3000), HeadPrior(NOTHING, 1.0, 0.0))
    wrong = LinearHead(-good.weight, -good.bias)
    grid = (1000.0, 1.0)
    assert choose_penalty(points, good, 10.0, grid, folds, lambda _: None).penalty == 1000.0
    assert choose_penalty(points, wrong, 10.0, grid, folds, lambda _: None).penalty == 1.0


def test_a_prior_that_says_the_opposite_is_unlearnt() -> None:
    points = cloud(99, seed=2)
    good = fit_logistic(cloud(3000), HeadPrior(NOTHING, 1.0, 0.0))
    wrong = LinearHead(-20 * good.weight, -20 * good.bias)
    folds = stratified_folds(points.targets, np.arange(99), 0)
    chosen = choose_penalty(points, wrong, 1.0, PENALTIES, folds, lambda _: None)
    assert chosen.penalty < 1.0, "the optimum lies below where the grid once ended"
    best = max(one["out_of_fold_accuracy"] for one in chosen.history)
    fresh = LinearHead(np.zeros((5, 3)), np.zeros(3))
    alone = choose_penalty(points, fresh, 0.0, PENALTIES, folds, lambda _: None, least_loss=True)
    assert best >= max(one["out_of_fold_accuracy"] for one in alone.history) - 0.03


def test_fewer_points_than_features_have_the_same_regression() -> None:
    draw = np.random.default_rng(4)
    prior = LinearHead(draw.normal(size=(40, 3)), draw.normal(size=3))
    few = LabelledFeatures(draw.normal(size=(12, 40)), np.arange(12) % 3, np.arange(12))
    # Rows that count for nothing make more points than features, and change nothing else.
    more = LabelledFeatures(
        np.concatenate([few.vectors, draw.normal(size=(30, 40))]),
        np.concatenate([few.targets, np.zeros(30, dtype=np.int64)]),
        np.arange(42),
    )
    counts = np.concatenate([np.ones(12), np.zeros(30)])
    one = fit_logistic(few, HeadPrior(prior, 2.0, 1.0), tolerance=1e-12)
    other = fit_logistic(more, HeadPrior(prior, 2.0, 1.0), tolerance=1e-12, counts=counts)
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-3)
    np.testing.assert_allclose(one.bias, other.bias, atol=1e-3)
