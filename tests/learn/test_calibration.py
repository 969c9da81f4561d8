"""Temperatures, and label shares of another language beside the displacement of its vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.learn.calibration import estimate_label_shift, fit_temperature, softmax

MEANS = 3.0 * np.eye(4)


def _logits(draw: np.random.Generator, shares: list[float], count: int) -> tuple:
    targets = draw.choice(4, size=count, p=shares)
    return MEANS[targets] + draw.normal(size=(count, 4)), targets


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    offset=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    stretch=st.floats(0.6, 1.1),
    rare=st.integers(0, 3),
)
def test_shares_are_found_whatever_the_displacement(
    seed: int, offset: list[float], stretch: float, rare: int
) -> None:
    draw = np.random.default_rng(seed)
    even = [0.25] * 4
    source, targets = _logits(draw, even, 600)
    shares = np.full(4, 0.31)
    shares[rare] = 0.07
    target_logits, labels = _logits(draw, list(shares), 500)
    found = estimate_label_shift(source, targets, stretch * target_logits + np.array(offset))
    truth = np.bincount(labels, minlength=4) / len(labels)
    assert np.abs(found.shares - truth).sum() < 0.5 * np.abs(truth - 0.25).sum()
    assert (found.posteriors.argmax(axis=1) == labels).mean() > 0.8


def test_a_displacement_alone_is_no_label_shift() -> None:
    draw = np.random.default_rng(1)
    source, targets = _logits(draw, [0.25] * 4, 600)
    target_logits, _ = _logits(draw, [0.25] * 4, 400)
    found = estimate_label_shift(source, targets, target_logits + np.array([2.0, 0.0, 0.0, -1.0]))
    np.testing.assert_allclose(found.shares, 0.25, atol=0.06)


def test_labelled_rows_help_to_place_the_classes_and_do_not_count_as_shares() -> None:
    draw = np.random.default_rng(2)
    source, targets = _logits(draw, [0.25] * 4, 600)
    target_logits, labels = _logits(draw, [0.05, 0.05, 0.45, 0.45], 300)
    picked, named = _logits(draw, [0.25] * 4, 40)
    found = estimate_label_shift(source, targets, target_logits, picked, named)
    truth = np.bincount(labels, minlength=4) / len(labels)
    assert np.abs(found.shares - truth).sum() < 0.25


def test_labels_without_a_source_row_stay_possible() -> None:
    draw = np.random.default_rng(3)
    source, targets = _logits(draw, [0.5, 0.5, 0.0, 0.0], 200)
    target_logits, _ = _logits(draw, [0.5, 0.5, 0.0, 0.0], 200)
    found = estimate_label_shift(source, targets, target_logits)
    assert (found.shares > 0).all()
    assert found.shares.sum() == 1.0 or abs(found.shares.sum() - 1) < 1e-9


def test_a_single_label_has_every_share() -> None:
    logits = np.zeros((5, 1))
    found = estimate_label_shift(logits, np.zeros(5, dtype=np.int64), logits)
    assert found.shares.tolist() == [1.0]
    assert found.posteriors.shape == (5, 1)


def test_the_temperature_undoes_overconfidence() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(4000, 3))
    targets = np.array([draw.choice(3, p=p) for p in softmax(logits)])
    assert fit_temperature(logits * 4, targets) == pytest.approx(4, rel=0.1)
    assert fit_temperature(logits / 2, targets) == pytest.approx(0.5, rel=0.1)
