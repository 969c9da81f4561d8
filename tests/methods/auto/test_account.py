"""What `auto` says of each candidate."""

from __future__ import annotations

from typing import Any

import pytest

from app.learn.monitor import Silence
from app.learn.network import Network
from app.methods.auto.account import account
from app.methods.auto.choice import choose
from app.methods.auto.race import race
from app.methods.auto.trial import Trial
from tests.methods.auto.test_auto import ENTRIES, given, network, trial

__all__ = ["network"]


def _told(trials: list[Trial]) -> dict[str, dict[str, Any]]:
    report = account(trials, {}, choose(trials), None, 1.0)
    return {one["name"]: one for one in report["candidates"]}


def test_each_candidate_has_the_one_reason_that_holds(network: Network) -> None:
    asked = given(network)
    told = _told([trial(asked, "fine-tune, logistic", 41), trial(asked, "zero-shot", 20)])
    assert told["fine-tune, logistic"]["reason"] == "It has the best score."
    assert told["zero-shot"]["reason"] == (
        "It is behind fine-tune, logistic by more than one standard error."
    )
    told = _told([trial(asked, "fine-tune, logistic", 40), trial(asked, "zero-shot", 39, 6)])
    assert told["zero-shot"]["reason"] == (
        "It is within one standard error of fine-tune, logistic, which stands before it in the "
        "order of the candidates."
    )
    told = _told([trial(asked, "zero-shot", 38, 7), trial(asked, "fine-tune, lp-ft", 40)])
    assert told["zero-shot"]["reason"].startswith("It is within one standard error of fine-tune")
    assert told["fine-tune, lp-ft"]["reason"] == (
        "It has the best score, but zero-shot is within one standard error of it and changes less "
        "of the model."
    )


def test_the_distance_of_the_best_to_itself_has_no_interval(network: Network) -> None:
    asked = given(network)
    told = _told([trial(asked, "fine-tune, logistic", 41), trial(asked, "zero-shot", 20)])
    best, other = told["fine-tune, logistic"], told["zero-shot"]
    assert (best["behind_best"], best["behind_best_low"], best["behind_best_high"]) == (
        0,
        None,
        None,
    )
    assert other["behind_best_low"] > 0


@pytest.mark.parametrize(("seconds", "outcome"), [(600.0, "duplicate"), (1e-9, "stopped")])
def test_a_skipped_candidate_is_told_from_one_that_was_stopped(
    network: Network, seconds: float, outcome: str
) -> None:
    asked = given(network)
    first = trial(asked, "zero-shot", 40)
    names = ["fine-tune, head"] if outcome == "duplicate" else ["fine-tune, linear-probe"]
    trials = [first, *(Trial(ENTRIES[name], first.pool) for name in names)]
    if outcome == "duplicate":
        trials.append(trial(asked, "fine-tune, logistic", 40))
    race(trials, seconds, Silence())
    told = _told(trials)[names[0]]
    assert (told["outcome"], told["folds"]) == (outcome, 0)
    assert ("fits the same parameters" in told["reason"]) == (outcome == "duplicate")
