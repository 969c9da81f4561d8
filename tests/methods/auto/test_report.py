"""What `auto` says of each candidate."""

from __future__ import annotations

from typing import Any

import pytest

from app.learn.callbacks import NullMonitor
from app.learn.network import Network
from app.methods.auto.candidates import Trial
from app.methods.auto.method import report_candidates, run_trials, select_candidate
from tests.methods.auto.test_auto import ENTRIES, method_input, network, trial

__all__ = ["network"]


def _reports(trials: list[Trial]) -> dict[str, dict[str, Any]]:
    report = report_candidates(trials, {}, select_candidate(trials), None, 1.0)
    return {one["name"]: one for one in report["candidates"]}


def test_each_candidate_has_the_one_reason_that_holds(network: Network) -> None:
    data = method_input(network)
    report = _reports([trial(data, "fine-tune, logistic", 41), trial(data, "zero-shot", 20)])
    assert report["fine-tune, logistic"]["reason"] == "It has the best score."
    assert report["zero-shot"]["reason"] == (
        "It is behind fine-tune, logistic by more than one standard error."
    )
    report = _reports([trial(data, "fine-tune, logistic", 40), trial(data, "zero-shot", 39, 6)])
    assert report["zero-shot"]["reason"] == (
        "It is within one standard error of fine-tune, logistic, which stands before it in the "
        "order of the candidates."
    )
    report = _reports([trial(data, "zero-shot", 38, 7), trial(data, "fine-tune, lp-ft", 40)])
    assert report["zero-shot"]["reason"].startswith("It is within one standard error of fine-tune")
    assert report["fine-tune, lp-ft"]["reason"] == (
        "It has the best score, but zero-shot is within one standard error of it and changes less "
        "of the model."
    )


def test_the_distance_of_the_best_to_itself_has_no_interval(network: Network) -> None:
    data = method_input(network)
    report = _reports([trial(data, "fine-tune, logistic", 41), trial(data, "zero-shot", 20)])
    best, other = report["fine-tune, logistic"], report["zero-shot"]
    assert (best["behind_best"], best["behind_best_low"], best["behind_best_high"]) == (
        0,
        None,
        None,
    )
    assert other["behind_best_low"] > 0


@pytest.mark.parametrize(("seconds", "outcome"), [(600.0, "duplicate"), (1e-9, "stopped")])
def test_a_skipped_candidate_is_reported_unlike_one_that_was_stopped(
    network: Network, seconds: float, outcome: str
) -> None:
    data = method_input(network)
    first = trial(data, "zero-shot", 40)
    names = ["fine-tune, head"] if outcome == "duplicate" else ["fine-tune, linear-probe"]
    trials = [first, *(Trial(ENTRIES[name], first.cross_validation) for name in names)]
    if outcome == "duplicate":
        trials.append(trial(data, "fine-tune, logistic", 40))
    run_trials(trials, seconds, NullMonitor())
    report = _reports(trials)[names[0]]
    assert (report["outcome"], report["folds"]) == (outcome, 0)
    assert ("fits the same parameters" in report["reason"]) == (outcome == "duplicate")
