"""How many labels more would be worth two points."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from app.learn.advice.learning_curve import (
    advise_on_labels,
    curve_sizes,
    draw_learning_curve,
    fit_power_laws,
    training_rows,
)
from app.learn.callbacks import NullMonitor
from app.learn.data.splits import stratified_folds

ROWS = 400


def _answers(
    floor: float, scale: float, exponent: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of unequal difficulty, answered by heads whose mean error follows a power law."""
    random = np.random.default_rng(seed)
    sizes = curve_sizes(ROWS * 4 // 5, 5)
    ease = random.normal(size=ROWS)
    correct = np.empty((4, len(sizes), ROWS), dtype=bool)
    for draw in range(4):
        for i, size in enumerate(sizes):
            error = floor + scale * size**-exponent + random.normal(0, 0.03)
            luck = np.sqrt(0.8) * ease + np.sqrt(0.2) * random.normal(size=ROWS)
            correct[draw, i] = luck > ndtri(np.clip(error, 0.001, 0.999))
    return correct, sizes


def test_a_power_law_is_found_again() -> None:
    sizes = np.array([20, 40, 80, 160, 320])
    errors = np.stack([0.05 + 1.5 * sizes**-0.5, 0.8 * sizes**-0.3])
    laws = fit_power_laws(sizes, errors, np.ones(5))
    assert laws.exponent == pytest.approx([0.5, 0.3], abs=0.03)
    assert laws.at(1000)[:, 0] == pytest.approx(
        [0.05 + 1.5 * 1000**-0.5, 0.8 * 1000**-0.3], abs=3e-3
    )
    assert laws.rows_for(np.array([0.1, 0.0]))[0] == pytest.approx(900, rel=0.05)
    assert laws.rows_for(np.array([0.01, 0.01]))[0] == np.inf


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.1, 2.0, 0.6), (0.0, 1.0, 0.25)])
def test_the_interval_covers_the_truth_in_most_simulations(
    floor: float, scale: float, exponent: float
) -> None:
    wanted = floor + scale * ROWS**-exponent - 0.02
    truth = (scale / (wanted - floor)) ** (1 / exponent) - ROWS
    covered = []
    for seed in range(30):
        advice = advise_on_labels(*_answers(floor, scale, exponent, seed), 0)
        if advice["status"] == "given":
            high = np.inf if advice["high"] is None else advice["high"]
            covered.append(0.95 * advice["low"] <= truth <= 1.05 * high)
    assert len(covered) >= 20
    assert np.mean(covered) >= 0.9


def test_a_flat_curve_tells_nothing() -> None:
    advice = advise_on_labels(*_answers(0.3, 0.0, 0.5, 0), 0)
    assert advice["status"] == "withheld"
    assert "does not rise" in advice["sentence"]


def test_a_curve_that_is_no_power_law_tells_nothing() -> None:
    sizes = np.array([20, 40, 80, 160, 320])
    share = [0.5, 0.52, 0.52, 0.52, 0.95]  # right answers
    correct = np.arange(ROWS) < np.multiply(share, ROWS)[None, :, None].repeat(3, axis=0)
    advice = advise_on_labels(correct, sizes, 0)
    assert advice["status"] == "withheld"
    assert "power law" in advice["sentence"]


def test_near_perfection_no_two_points_are_left() -> None:
    advice = advise_on_labels(*_answers(0.0, 5.0, 1.1, 0), 0)
    assert advice["status"] == "withheld"
    assert "left to gain" in advice["sentence"]


def _rows(count: int, grouped: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    targets = np.arange(count) % 3
    features = random.normal(size=(count, 8)) + 1.2 * np.eye(3, 8)[targets]
    return features, targets, np.arange(count) // (6 if grouped else 1)


@pytest.mark.parametrize("grouped", [False, True])
def test_more_rows_of_a_learnable_task_answer_more(grouped: bool) -> None:
    features, targets, clusters = _rows(150, grouped)
    sizes = curve_sizes(training_rows(targets, clusters, 2, 0), 3)
    correct = draw_learning_curve(features, targets, clusters, sizes, 2, 0, np.inf, NullMonitor())
    assert correct.shape == (2, len(sizes), 150)
    by_size = correct.mean(axis=(0, 2))
    assert by_size[-1] > by_size[0]
    assert by_size[-1] > 0.6


def test_rows_whose_labels_are_noise_are_not_answered_better_than_by_chance() -> None:
    """Were a row scored by a head that saw it, a wide feature would give its label away."""
    random = np.random.default_rng(0)
    features, targets = random.normal(size=(120, 200)), random.integers(0, 3, 120)
    correct = draw_learning_curve(
        features, targets, np.arange(120), np.array([90]), 3, 0, np.inf, NullMonitor()
    )
    assert correct.mean() < 0.5


def test_without_time_one_draw_is_made() -> None:
    features, targets, alone = _rows(60)
    correct = draw_learning_curve(
        features, targets, alone, np.array([12]), 5, 0, time.monotonic(), NullMonitor()
    )
    assert len(correct) == 1


@given(st.lists(st.integers(1, 60), min_size=2, max_size=20), st.integers(0, 100))
def test_every_fold_leaves_the_rows_that_the_largest_size_wants(
    groups: list[int], seed: int
) -> None:
    clusters = np.repeat(np.arange(len(groups)), groups)
    targets = np.random.default_rng(seed).integers(0, 3, len(clusters))
    most = training_rows(targets, clusters, 2, seed)
    for draw in range(2):
        folds = stratified_folds(targets, clusters, seed + draw)
        assert len(targets) - np.bincount(folds).max() >= most
    assert most < len(targets)
