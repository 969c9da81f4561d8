"""The mean of the heads of candidates that tie."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from app.learn.callbacks import NullMonitor
from app.learn.network import Network
from app.methods.auto.candidates import HeadAverage, Trial, split_for_cross_validation
from app.methods.auto.method import report_candidates, select_candidate
from app.methods.contract import MethodInput
from tests.methods.auto.test_auto import ENTRIES, method_input, network, trial
from tests.support.datasets import labelled_examples

__all__ = ["network"]
NAMES = ("joint, logistic", "fine-tune, logistic")


def _with_source(network: Network) -> MethodInput:
    return method_input(network, source=labelled_examples(60, "en"))


def _fitted(data: MethodInput, names: tuple[str, ...]) -> Network:
    data = replace(data, network=copy.deepcopy(data.network))
    rows = split_for_cross_validation(data)
    return HeadAverage([Trial(ENTRIES[name], rows) for name in names]).fit(NullMonitor()).network


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_the_average_answers_by_the_mean_of_its_members_logits(
    network: Network, names: tuple[str, ...]
) -> None:
    data = _with_source(network)
    apart = [_logits(_fitted(data, (name,))) for name in names]
    assert (apart[0] - apart[1]).abs().max() > 0.01
    off = _logits(_fitted(data, names)) - torch.stack(apart).mean(dim=0)
    assert off.abs().max() < 1e-4 * torch.stack(apart).abs().max()


@torch.inference_mode()
def _logits(network: Network) -> torch.Tensor:
    return network(network.collate(labelled_examples(20, "de").inputs))


def test_answers_are_those_of_the_mean_logits_however_sure_a_member_is(network: Network) -> None:
    rows = split_for_cross_validation(method_input(network))
    members = [Trial(ENTRIES[name], rows) for name in NAMES]
    for member, logits in zip(members, ([60.0, 0.0, 0.0], [0.0, 40.0, 0.0]), strict=True):
        member.logits = np.tile(np.float32(logits), (len(rows.rows), 1))
    assert HeadAverage(members).answers[0] == pytest.approx([0.99995, 4.5e-5, 0.0], abs=1e-5)


def test_the_average_goes_before_its_members_where_they_tie(network: Network) -> None:
    data = method_input(network)
    trials = [trial(data, NAMES[0], 38, 7), trial(data, NAMES[1], 40)]
    choice = select_candidate(trials)
    assert choice.winner is choice.average
    assert choice.average is not None
    assert choice.average.members == trials


def test_a_candidate_that_is_behind_is_not_averaged(network: Network) -> None:
    data = method_input(network)
    choice = select_candidate([trial(data, NAMES[0], 20), trial(data, NAMES[1], 41)])
    assert choice.average is None
    assert choice.winner.entry.name == NAMES[1]


def test_the_reports_of_the_members_are_kept(network: Network) -> None:
    rows = split_for_cross_validation(_with_source(network))
    output = HeadAverage([Trial(ENTRIES[name], rows) for name in NAMES]).fit(NullMonitor())
    assert set(output.report) == set(NAMES)
    assert {line["candidate"] for line in output.history} == set(NAMES)


def test_the_average_is_reported_beside_the_candidates(network: Network) -> None:
    data = method_input(network)
    trials = [
        trial(data, NAMES[0], 38, 7),
        trial(data, NAMES[1], 40),
        trial(data, "zero-shot", 9),
    ]
    report = report_candidates(trials, {}, select_candidate(trials), None, 1.0)
    by_name: dict[str, Any] = {one["name"]: one for one in report["candidates"]}
    assert report["chosen"] == "average"
    assert by_name["average"]["parameters"] == {"members": list(NAMES)}
    assert [by_name[name]["outcome"] for name in ("average", *NAMES)] == [
        "chosen",
        *["not chosen"] * 2,
    ]
