"""The mean of the heads of candidates that tie."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from app.learn.monitor import Silence
from app.learn.network import Network
from app.methods.auto.account import account
from app.methods.auto.average import Average
from app.methods.auto.choice import choose
from app.methods.auto.pool import pool
from app.methods.auto.trial import Trial
from app.methods.contract import MethodInput
from tests.methods.auto.test_auto import ENTRIES, given, network, trial
from tests.support.datasets import labelled_examples

__all__ = ["network"]
NAMES = ("joint, logistic", "fine-tune, logistic")


def _with_source(network: Network) -> MethodInput:
    return given(network, source=labelled_examples(60, "en"))


def _fitted(asked: MethodInput, names: tuple[str, ...]) -> Network:
    asked = replace(asked, network=copy.deepcopy(asked.network))
    rows = pool(asked)
    return Average([Trial(ENTRIES[name], rows) for name in names]).fit(Silence()).network


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_the_average_answers_by_the_mean_of_its_members_logits(
    network: Network, names: tuple[str, ...]
) -> None:
    asked = _with_source(network)
    apart = [_logits(_fitted(asked, (name,))) for name in names]
    assert (apart[0] - apart[1]).abs().max() > 0.01
    off = _logits(_fitted(asked, names)) - torch.stack(apart).mean(dim=0)
    assert off.abs().max() < 1e-4 * torch.stack(apart).abs().max()


@torch.inference_mode()
def _logits(network: Network) -> torch.Tensor:
    return network(network.collate(labelled_examples(20, "de").inputs))


def test_answers_are_those_of_the_mean_logits_however_sure_a_member_is(network: Network) -> None:
    rows = pool(given(network))
    members = [Trial(ENTRIES[name], rows) for name in NAMES]
    for member, logits in zip(members, ([60.0, 0.0, 0.0], [0.0, 40.0, 0.0]), strict=True):
        member.logits = np.tile(np.float32(logits), (len(rows.rows), 1))
    assert Average(members).answers[0] == pytest.approx([0.99995, 4.5e-5, 0.0], abs=1e-5)


def test_the_average_goes_before_its_members_where_they_tie(network: Network) -> None:
    asked = given(network)
    trials = [trial(asked, NAMES[0], 38, 7), trial(asked, NAMES[1], 40)]
    choice = choose(trials)
    assert choice.winner is choice.average
    assert choice.average is not None
    assert choice.average.members == trials


def test_a_candidate_that_is_behind_is_not_averaged(network: Network) -> None:
    asked = given(network)
    choice = choose([trial(asked, NAMES[0], 20), trial(asked, NAMES[1], 41)])
    assert choice.average is None
    assert choice.winner.entry.name == NAMES[1]


def test_the_reports_of_the_members_are_kept(network: Network) -> None:
    rows = pool(_with_source(network))
    output = Average([Trial(ENTRIES[name], rows) for name in NAMES]).fit(Silence())
    assert set(output.report) == set(NAMES)
    assert {line["candidate"] for line in output.history} == set(NAMES)


def test_the_average_is_reported_beside_the_candidates(network: Network) -> None:
    asked = given(network)
    trials = [
        trial(asked, NAMES[0], 38, 7),
        trial(asked, NAMES[1], 40),
        trial(asked, "zero-shot", 9),
    ]
    report = account(trials, {}, choose(trials), None, 1.0)
    told: dict[str, Any] = {one["name"]: one for one in report["candidates"]}
    assert report["chosen"] == "average"
    assert told["average"]["parameters"] == {"members": list(NAMES)}
    assert [told[name]["outcome"] for name in ("average", *NAMES)] == [
        "chosen",
        *["not chosen"] * 2,
    ]
