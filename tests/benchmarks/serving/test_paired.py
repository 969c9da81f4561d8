"""Ratios within alternations."""

from __future__ import annotations

import pytest

from benchmarks.serving.paired import paired_ratio


def test_a_slow_moment_of_the_machine_does_not_change_a_ratio() -> None:
    found = paired_ratio([20, 2, 20], [10, 1, 10])
    assert found == {"value": 2.0, "low": 2.0, "high": 2.0}


def test_the_interval_holds_the_median_and_stays_within_what_was_seen() -> None:
    found = paired_ratio([10, 12, 11, 15, 9], [10, 10, 10, 10, 10])
    assert found["value"] == pytest.approx(1.1)
    assert 0.9 <= found["low"] <= found["value"] <= found["high"] <= 1.5


def test_sides_of_unequal_length_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1, 2], [1])
    with pytest.raises(ValueError, match="nothing to compare"):
        paired_ratio([], [])
