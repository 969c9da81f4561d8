"""Intervals: what they promise at few rows and with clustered rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from app.learn.comparison import paired_difference
from app.learn.intervals import FEWEST_CLUSTERS, measure_interval, share_interval, wilson
from app.learn.tasks.multi_label import score_label_sets
from app.learn.tasks.single_label import score_labels
from app.learn.tasks.tagging import TagScheme, score_tags

ACCURACIES = np.linspace(0.5, 1.0, 1001)[:-1] + 0.00025
LABELS = ("a", "b", "c")


def _coverage(rows: int) -> np.ndarray:
    """Exactly how often the interval of `rows` independent rows holds each of `ACCURACIES`."""
    bounds = [share_interval(*_independent(right, rows)) for right in range(rows + 1)]
    low, high = (np.array([one[name] for one in bounds]) for name in ("low", "high"))
    chance = stats.binom.pmf(np.arange(rows + 1), rows, ACCURACIES[:, None])
    inside = (low <= ACCURACIES[:, None]) & (ACCURACIES[:, None] <= high)
    return np.asarray((chance * inside).sum(axis=1))


def _independent(right: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(rows) < right).astype(float), np.ones(rows)


@pytest.mark.parametrize("rows", [5, 20, 100, 1000])
def test_accuracies_are_held_as_often_as_is_promised(rows: int) -> None:
    held = _coverage(rows)
    assert 0.93 <= held.mean() <= 0.97
    assert held.min() >= 0.85


@pytest.mark.parametrize(("clusters", "alike"), [(20, 0.3), (30, 0.0), (30, 1.0), (100, 0.6)])
def test_accuracies_of_groups_are_held_as_often_as_is_promised(clusters: int, alike: float) -> None:
    random, size, held = np.random.default_rng(0), 10, []
    for accuracy in ACCURACIES[25::50]:
        inside = 0
        for _ in range(100):
            each = random.random((clusters, size)) < accuracy
            whole = random.random((clusters, 1)) < accuracy
            # Any two rows of a group have this correlation.
            one = np.where(random.random((clusters, size)) < np.sqrt(alike), whole, each)
            found = share_interval(one.sum(axis=1).astype(float), np.full(clusters, float(size)))
            inside += found["low"] <= accuracy <= found["high"]
        held.append(inside / 100)
    # 2,000 draws: a standard error of half a point.
    assert 0.92 <= np.mean(held) <= 0.975


def test_five_right_answers_of_five_are_not_certain() -> None:
    found = share_interval(*_independent(5, 5))
    assert found["high"] == 1.0
    assert found["low"] == pytest.approx(0.5655, abs=1e-4)  # Wilson


def test_copies_of_a_text_are_worth_no_more_than_the_text() -> None:
    probabilities = np.tile([0.8, 0.1, 0.1], (20, 1)).astype(np.float32)
    targets = np.repeat([0, 1], 10)
    once = score_labels(probabilities, targets, LABELS)["accuracy"]
    copies = np.repeat(np.arange(20), 20)
    often = score_labels(probabilities[copies], targets[copies], LABELS, copies)["accuracy"]
    assert often == pytest.approx(once)
    assert (once["low"], once["high"]) == pytest.approx((0.30, 0.70), abs=0.01)


def test_fewer_than_six_groups_have_no_interval_and_a_reason() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(3), 50).astype(np.float32)
    found = score_labels(probabilities, random.integers(0, 3, 50), LABELS, np.arange(50) % 5)
    for name in ("accuracy", "macro_f1", "log_loss", "expected_calibration_error"):
        assert (found[name]["low"], found[name]["high"]) == (None, None)
        assert "5 independent clusters" in found[name]["reason"]
    assert found["sample"]["clusters"] == 5
    assert "50 test rows in 5 clusters" in found["sample"]["note"]


def test_the_bias_of_few_rows_widens_an_interval_on_its_own_side() -> None:
    left_out, sizes = np.resize([0.30, 0.34], 20), np.ones(20)
    plain = measure_interval(0.32, left_out, sizes)
    biased = measure_interval(0.31, left_out, sizes)  # it rises as rows are left out
    assert biased["low"] < plain["low"] - 0.05
    assert biased["low"] <= 0.31 <= biased["high"] < plain["high"] + 0.05


def test_few_rows_are_called_few_and_many_are_not() -> None:
    probabilities = np.tile([0.8, 0.1, 0.1], (60, 1)).astype(np.float32)
    targets = np.zeros(60, dtype=int)
    assert score_labels(probabilities, targets, LABELS)["sample"]["note"] is None
    few = score_labels(probabilities[:12], targets[:12], LABELS)["sample"]
    assert "only 12 test rows" in few["note"]
    assert few["largest_cluster"] == 1


@st.composite
def _clustered(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row is right, and its cluster, of at least six clusters of unlike sizes."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=FEWEST_CLUSTERS, max_size=15))
    rows = sum(sizes)
    right = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    return np.array(right), np.repeat(np.arange(len(sizes)), sizes)


def _answers(right: np.ndarray) -> np.ndarray:
    """Probabilities of two classes; the truth is class 0 throughout."""
    return np.where(right[:, None], [0.9, 0.1], [0.2, 0.8]).astype(np.float32)


def _scored(right: np.ndarray, clusters: np.ndarray) -> dict[str, dict[str, float]]:
    found = score_labels(_answers(right), np.zeros(len(right), dtype=int), ("a", "b"), clusters)
    return {name: value for name, value in found.items() if isinstance(value, dict)}


@settings(max_examples=60, deadline=None)
@given(_clustered())
def test_every_interval_holds_its_estimate_and_ends_where_its_measure_does(
    rows: tuple[np.ndarray, np.ndarray],
) -> None:
    for name, found in _scored(*rows).items():
        if name == "sample":
            continue
        assert 0 <= found["low"] <= found["value"] <= found["high"]
        assert name == "log_loss" or found["high"] <= 1
        assert name == "log_loss" or found["low"] < found["high"]


@settings(max_examples=40, deadline=None)
@given(_clustered(), st.randoms())
def test_the_order_of_rows_and_the_names_of_clusters_change_nothing(
    rows: tuple[np.ndarray, np.ndarray], random: object
) -> None:
    right, clusters = rows
    order = list(range(len(right)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = _scored(right[order], 1000 - clusters[order])
    for name, found in _scored(right, clusters).items():
        if name != "sample":
            assert shuffled[name] == pytest.approx(found, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(_clustered(), st.integers(2, 5))
def test_copies_of_rows_in_their_clusters_never_make_an_interval_narrower(
    rows: tuple[np.ndarray, np.ndarray], times: int
) -> None:
    right, clusters = rows
    once = _scored(right, clusters)
    often = _scored(np.tile(right, times), np.tile(clusters, times))
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert often[name]["value"] == pytest.approx(once[name]["value"], abs=1e-6)
        assert often[name]["low"] <= once[name]["low"] + 1e-6
        assert often[name]["high"] >= once[name]["high"] - 1e-6


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.floats(0.5, 1e6))
def test_a_share_lies_in_its_interval_whatever_its_trials(share: float, trials: float) -> None:
    low, high = wilson(share, trials)
    assert 0 <= low <= share <= high <= 1


@settings(max_examples=40, deadline=None)
@given(_clustered(), st.data())
def test_a_paired_interval_holds_its_difference_and_0_unless_the_test_excludes_it(
    rows: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    first, clusters = rows
    second = np.array(data.draw(st.lists(st.booleans(), min_size=len(first), max_size=len(first))))
    targets = np.zeros(len(first), dtype=int)
    found = paired_difference(_answers(first), _answers(second), targets, clusters=clusters)
    assert -1 <= found["low"] <= found["difference"] <= found["high"] <= 1
    assert found["p_value"] < 0.05 or found["low"] <= 0 <= found["high"]
    order = np.random.default_rng(0).permutation(len(first))
    again = paired_difference(
        _answers(first[order]), _answers(second[order]), targets, clusters=clusters[order]
    )
    assert again == pytest.approx(found)


def test_sets_of_labels_and_tags_of_few_sentences_are_rough_too() -> None:
    targets = np.tile([True, False], (8, 1))
    sets = score_label_sets(("a", "b"), np.ones((8, 2)), targets, targets, np.ones(8))
    assert sets["micro_f1"]["value"] == sets["subset_accuracy"]["value"] == 1.0
    assert sets["micro_f1"]["low"] < 0.7
    assert sets["subset_accuracy"]["low"] == pytest.approx(0.6756, abs=1e-3)
    scheme = TagScheme(("O", "B-X"))
    tags = np.tile([0, 1, 0, 0, 0, 1], (8, 1))
    found = score_tags(scheme, np.eye(2, dtype=np.float32)[tags], tags)
    assert found["entity_f1"]["value"] == found["accuracy"]["value"] == 1.0
    assert max(found["entity_f1"]["low"], found["accuracy"]["low"]) < 0.7
