"""The threshold above which answers are as right as somebody wants."""

from __future__ import annotations

import numpy as np
import pytest

from app.learn.advice.abstention import (
    abstention_threshold,
    check_threshold,
    lower_bound,
    share,
    upper_bound,
)

WANTED = 0.95


def _calibrated(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two classes, and targets that are drawn from them."""
    random = np.random.default_rng(seed)
    first = 1 / (1 + np.exp(-random.normal(0, 3.5, rows)))
    targets = (random.random(rows) > first).astype(int)
    return np.stack([first, 1 - first], axis=1), targets


def test_the_threshold_holds_on_new_rows_in_nine_of_ten_simulations() -> None:
    found = []
    new = _calibrated(50_000, 999)
    for seed in range(100):
        advice = abstention_threshold(*_calibrated(600, seed), WANTED)
        if advice["status"] == "given":
            check = check_threshold(*new, advice["threshold"])
            found.append(check["precision"]["value"] >= WANTED)
    assert len(found) >= 80
    assert np.mean(found) >= 0.9


def test_most_of_the_rows_that_could_be_answered_are() -> None:
    new = _calibrated(50_000, 999)
    advice = abstention_threshold(*_calibrated(3000, 1), WANTED)
    surest = np.sort(new[0].max(axis=1))[::-1]
    possible = (np.cumsum(surest) / np.arange(1, 50_001) >= WANTED).mean()
    assert 0.75 * possible < advice["coverage"] <= 1.1 * possible


def test_with_too_few_rows_nothing_is_promised() -> None:
    probabilities = np.tile([0.99, 0.01], (40, 1))
    advice = abstention_threshold(probabilities, np.zeros(40, int), WANTED)
    assert advice["status"] == "withheld"
    assert "takes 45 independent validation rows, and there are 40" in advice["sentence"]


def test_a_model_that_is_sure_of_its_mistakes_is_promised_nothing() -> None:
    probabilities = np.tile([0.99, 0.01], (400, 1))
    advice = abstention_threshold(probabilities, np.arange(400) % 2, WANTED)
    assert advice["status"] == "withheld"
    assert advice["sentence"].endswith(
        "of the 400 surest answers to your 400 validation rows, 200 are right, which is too few "
        "(50%)."
    )


def test_few_good_answers_are_distinguished_from_many_bad_ones() -> None:
    probabilities, targets = np.tile([0.99, 0.01], (60, 1)), np.zeros(60, int)
    targets[0] = 1
    few = abstention_threshold(probabilities, targets, WANTED)
    assert few["status"] == "withheld"
    assert "59 are right, but on so few independent rows that may be luck" in few["sentence"]
    assert "too few (" not in few["sentence"]


def test_out_of_fold_answers_are_not_called_validation_answers() -> None:
    probabilities, targets = np.tile([0.99, 0.01], (400, 1)), np.arange(400) % 2
    for rows in (400, 30):
        validation = probabilities[:rows], targets[:rows], WANTED
        folded = abstention_threshold(*validation, out_of_fold=True)
        kept_out = abstention_threshold(*validation)
        assert "labelled rows" in folded["sentence"]
        assert "validation" not in folded["sentence"]
        assert "validation rows" in kept_out["sentence"]
        assert (folded["answers"], kept_out["answers"]) == ("out-of-fold", "validation")


def test_a_model_without_mistakes_answers_everything() -> None:
    probabilities = np.tile([0.6, 0.4], (100, 1))
    advice = abstention_threshold(probabilities, np.zeros(100, int), WANTED)
    assert (advice["threshold"], advice["coverage"]) == (pytest.approx(0.6), 1.0)


def test_a_threshold_that_no_row_reaches_has_no_precision() -> None:
    check = check_threshold(np.array([[0.6, 0.4]]), np.array([0]), 0.9)
    assert (check["answered"], check["precision"]) == (0, None)


def test_copies_of_validation_rows_promise_no_more_than_the_rows() -> None:
    probabilities, targets = _calibrated(300, 1)
    copies = np.repeat(np.arange(300), 20)
    once = abstention_threshold(probabilities, targets, WANTED)
    unclustered = abstention_threshold(probabilities[copies], targets[copies], WANTED)
    clustered = abstention_threshold(probabilities[copies], targets[copies], WANTED, copies)
    for name in ("threshold", "coverage", "bound"):
        assert clustered[name] == pytest.approx(once[name])
    assert unclustered["coverage"] > 1.5 * clustered["coverage"]
    few = np.arange(30).repeat(4)
    advice = abstention_threshold(np.tile([0.99, 0.01], (120, 1)), np.zeros(120, int), WANTED, few)
    assert "takes 45 independent validation rows, and there are 30" in advice["sentence"]


def test_the_check_of_a_threshold_takes_copies_for_one() -> None:
    probabilities, targets = _calibrated(60, 4)
    copies = np.repeat(np.arange(60), 10)
    once = check_threshold(probabilities, targets, 0.9)
    often = check_threshold(probabilities[copies], targets[copies], 0.9, copies)
    for name in ("coverage", "precision"):
        assert often[name] == pytest.approx(once[name])


def test_the_bounds_are_those_of_clopper_and_pearson() -> None:
    assert lower_bound(59, 59, 0.95) == pytest.approx(0.9505, abs=1e-4)
    assert upper_bound(0, 59, 0.95) == pytest.approx(1 - 0.9505, abs=1e-4)
    assert share(8, 10) == {
        "value": 0.8,
        "low": pytest.approx(0.4439, abs=1e-4),
        "high": pytest.approx(0.9748, abs=1e-4),
    }
