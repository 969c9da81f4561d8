"""Distances between samples, and from where on they are no chance."""

from __future__ import annotations

import numpy as np
import pytest

from app.learn.drift import mixed_distance, ordered_distance


def test_equal_samples_have_no_distance() -> None:
    for distance in (ordered_distance, mixed_distance):
        found = distance([10, 20, 30], [100, 200, 300])
        assert found.value == 0
        assert not found.matters


def test_the_distances_are_those_of_the_books() -> None:
    # Cumulative shares 0.5, 0.5, 1 and 0, 0.5, 1; shares 0.5, 0, 0.5 and 0, 0.5, 0.5.
    assert ordered_distance([50, 0, 50], [0, 50, 50]).value == pytest.approx(0.5)
    assert mixed_distance([50, 0, 50], [0, 50, 50]).value == pytest.approx(0.5)
    assert mixed_distance([100, 0], [0, 100]).value == 1


def test_samples_of_one_distribution_seldom_matter() -> None:
    generator = np.random.default_rng(3)
    shares = generator.dirichlet(np.ones(20))
    alarms = {ordered_distance: 0, mixed_distance: 0}
    for _ in range(200):
        pair = [generator.multinomial(150, shares).tolist() for _ in range(2)]
        for distance in alarms:
            alarms[distance] += distance(*pair).matters

    assert all(number <= 8 for number in alarms.values())


def test_what_is_certain_and_small_does_not_matter() -> None:
    assert not ordered_distance([500_000, 500_000], [520_000, 480_000]).matters
