"""Paired differences, and distances between samples that are no chance."""

from __future__ import annotations

import numpy as np
import pytest

from app.learn.comparison import ks_distance, paired_difference, total_variation_distance


def _answers(right: np.ndarray) -> np.ndarray:
    """Probabilities of two classes; the truth is class 0 throughout."""
    return np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)


def test_equal_predictions_differ_by_nothing() -> None:
    answers = _answers(np.arange(50) % 3 > 0)
    found = paired_difference(answers, answers, np.zeros(50, dtype=int))
    assert (found["difference"], found["p_value"]) == (0, 1)
    # No row speaks for either side; how rare such rows are is not certain.
    assert found["low"] == pytest.approx(-found["high"])
    assert 0 < found["high"] < 0.1


def test_a_small_gain_on_the_same_rows_counts_where_separate_intervals_would_overlap() -> None:
    second = np.arange(400) % 5 > 0
    first = second.copy()
    first[np.flatnonzero(~second)[:10]] = True
    found = paired_difference(_answers(first), _answers(second), np.zeros(400, dtype=int))
    assert found["difference"] == pytest.approx(10 / 400)
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["p_value"] == pytest.approx(2 / 2**10)


def test_the_difference_turns_its_sign_with_its_sides() -> None:
    draw = np.random.default_rng(0)
    first, second = _answers(draw.random(80) > 0.3), _answers(draw.random(80) > 0.5)
    targets = np.zeros(80, dtype=int)
    one, other = (
        paired_difference(first, second, targets),
        paired_difference(second, first, targets),
    )
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["low"] == pytest.approx(-other["high"])
    assert one["p_value"] == pytest.approx(other["p_value"])


def test_six_against_two_right_answers_of_six_are_not_certainly_better() -> None:
    first, second = np.ones(6, dtype=bool), np.arange(6) < 2
    found = paired_difference(_answers(first), _answers(second), np.zeros(6, dtype=int))
    assert found["p_value"] == pytest.approx(0.125)  # McNemar, exact
    assert found["low"] <= 0


def test_an_interval_says_no_more_than_the_exact_test() -> None:
    first, second = np.arange(100) < 17, (np.arange(100) >= 17) & (np.arange(100) < 24)
    found = paired_difference(_answers(first), _answers(second), np.zeros(100, dtype=int))
    assert found["p_value"] == pytest.approx(0.064, abs=1e-3)
    assert found["low"] == 0.0, "without the test it would lie just above"


def test_copies_of_a_pair_make_no_difference_certain() -> None:
    first, second = np.ones(60, dtype=bool), np.arange(60) % 6 < 2
    targets, six = np.zeros(60, dtype=int), np.arange(60) % 6
    assert paired_difference(_answers(first), _answers(second), targets)["p_value"] < 1e-6
    found = paired_difference(_answers(first), _answers(second), targets, clusters=six)
    assert found["p_value"] == pytest.approx(0.125)
    assert (found["clusters"], found["low"] <= 0) == (6, True)


def test_fewer_than_six_clusters_have_a_p_value_and_no_interval() -> None:
    first, second = np.ones(50, dtype=bool), np.zeros(50, dtype=bool)
    targets = np.zeros(50, dtype=int)
    found = paired_difference(_answers(first), _answers(second), targets, clusters=targets)
    assert (found["p_value"], found["standard_error"]) == (1.0, None)
    five = paired_difference(_answers(first), _answers(second), targets, clusters=np.arange(50) % 5)
    assert five["p_value"] == pytest.approx(2 / 2**5)
    assert (five["low"], five["high"]) == (None, None)


@pytest.mark.parametrize("grouped", [False, True])
def test_a_difference_that_is_none_is_rarely_called_one(grouped: bool) -> None:
    random, called = np.random.default_rng(3), 0
    for trial in range(200):
        groups = np.arange(120) // (6 if grouped else 1)
        first, second = (random.random(groups.max() + 1)[groups] > 0.3 for _ in range(2))
        found = paired_difference(
            _answers(first), _answers(second), np.zeros(120, dtype=int), trial, clusters=groups
        )
        called += found["p_value"] < 0.05
    assert called / 200 <= 0.08


def test_equal_samples_have_no_distance() -> None:
    for distance in (ks_distance, total_variation_distance):
        found = distance([10, 20, 30], [100, 200, 300])
        assert found.value == 0
        assert not found.matters


def test_the_distances_are_those_of_the_books() -> None:
    # Cumulative shares 0.5, 0.5, 1 and 0, 0.5, 1; shares 0.5, 0, 0.5 and 0, 0.5, 0.5.
    assert ks_distance([50, 0, 50], [0, 50, 50]).value == pytest.approx(0.5)
    assert total_variation_distance([50, 0, 50], [0, 50, 50]).value == pytest.approx(0.5)
    assert total_variation_distance([100, 0], [0, 100]).value == 1


def test_samples_of_one_distribution_seldom_matter() -> None:
    generator = np.random.default_rng(3)
    shares = generator.dirichlet(np.ones(20))
    alarms = {ks_distance: 0, total_variation_distance: 0}
    for _ in range(200):
        pair = [generator.multinomial(150, shares).tolist() for _ in range(2)]
        for distance in alarms:
            alarms[distance] += distance(*pair).matters

    assert all(number <= 8 for number in alarms.values())


def test_what_is_certain_and_small_does_not_matter() -> None:
    assert not ks_distance([500_000, 500_000], [520_000, 480_000]).matters
