"""Paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from app.learn.paired import paired_difference


def _answers(right: np.ndarray) -> np.ndarray:
    """Probabilities of two classes; the truth is class 0 throughout."""
    return np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)


def test_equal_predictions_differ_by_nothing() -> None:
    answers = _answers(np.arange(50) % 3 > 0)
    found = paired_difference(answers, answers, np.zeros(50, dtype=int))
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)
    assert found["better_share"] == 0.5


def test_a_small_gain_on_the_same_rows_counts_where_separate_intervals_would_overlap() -> None:
    theirs = np.arange(400) % 5 > 0
    ours = theirs.copy()
    ours[np.flatnonzero(~theirs)[:10]] = True
    found = paired_difference(_answers(ours), _answers(theirs), np.zeros(400, dtype=int))
    assert found["difference"] == pytest.approx(10 / 400)
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["better_share"] > 0.99


def test_the_difference_turns_its_sign_with_its_sides() -> None:
    draw = np.random.default_rng(0)
    ours, theirs = _answers(draw.random(80) > 0.3), _answers(draw.random(80) > 0.5)
    targets = np.zeros(80, dtype=int)
    one, other = paired_difference(ours, theirs, targets), paired_difference(theirs, ours, targets)
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["low"] == pytest.approx(-other["high"])
    assert one["better_share"] == pytest.approx(1 - other["better_share"])
