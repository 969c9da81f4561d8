"""What `auto` tries, stops and chooses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.network import Network
from app.methods.auto.candidates import GRID, Trial, split_for_cross_validation
from app.methods.auto.method import run, run_trials, select_candidate
from app.methods.auto.spec import AutoParameters
from app.methods.contract import MethodInput
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier

ENTRIES = {entry.name: entry for entry in GRID}


@pytest.fixture
def network(tmp_path: Path) -> Network:
    folder = a_text_classifier(tmp_path / "model", labels=LABELS)
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def method_input(network: Network, **changes: Any) -> MethodInput:
    data = MethodInput(network, AutoParameters(), train=labelled_examples(45, "de"), seed=1)
    return replace(data, **changes)


def trial(data: MethodInput, name: str, right: int, first: int = 0) -> Trial:
    """A complete trial of 45 rows; `right` answers from number `first` on are right."""
    made = Trial(ENTRIES[name], split_for_cross_validation(data))
    rows = made.cross_validation.rows
    places = np.arange(len(rows)) - first
    good = (places >= 0) & (places < right)
    answered = np.where(good, rows.targets, (rows.targets + 1) % 3)
    made.answers[np.arange(len(rows)), answered] = 1.0
    made.logits = 20.0 * made.answers
    made.folds_done = set(range(made.cross_validation.count))
    return made


def test_every_candidate_is_reported_with_its_score_or_the_reason_against_it(
    network: Network,
) -> None:
    output = run(method_input(network), NullMonitor())
    by_name = {one["name"]: one for one in output.report["candidates"]}
    assert set(by_name) == set(ENTRIES)
    assert by_name["joint, logistic"]["reason"] == "It needs source data."
    assert "body_rows" in by_name["fine-tune, lp-ft"]["reason"]
    assert by_name["fine-tune, logistic"]["score"] > by_name["zero-shot"]["score"]
    assert [one["name"] for one in by_name.values() if one["outcome"] == "chosen"] == [
        output.report["chosen"]
    ]
    assert all(one.get("reason") for one in by_name.values())


def test_what_changes_less_is_taken_where_scores_tie(network: Network) -> None:
    data = method_input(network)
    trials = [trial(data, "zero-shot", 38, 7), trial(data, "fine-tune, lp-ft", 40)]
    assert select_candidate(trials).winner is trials[0]
    trials = [trial(data, "zero-shot", 20), trial(data, "fine-tune, lp-ft", 41)]
    assert select_candidate(trials).winner is trials[1]


def test_the_better_one_is_taken_where_the_difference_is_more_than_chance(
    network: Network,
) -> None:
    data = method_input(network)
    trials = [trial(data, "joint, logistic", 20), trial(data, "zero-shot", 40)]
    assert select_candidate(trials).winner is trials[1]


def test_slow_candidates_stop_when_the_seconds_are_used_up(network: Network) -> None:
    rows = split_for_cross_validation(method_input(network))
    trials = [Trial(ENTRIES[name], rows) for name in ("zero-shot", "fine-tune, lp-ft")]
    run_trials(trials, 1e-9, NullMonitor())
    assert trials[0].complete
    assert not trials[1].folds_done
    assert "seconds" in str(trials[1].stop_reason)


def test_a_slow_candidate_is_stopped_as_soon_as_it_is_behind(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = method_input(network)
    leader = trial(data, "fine-tune, logistic", 45)
    slow = Trial(ENTRIES["fine-tune, lp-ft"], leader.cross_validation)
    monkeypatch.setattr(slow, "_answer_fold", lambda fold, monitor: slow.folds_done.add(fold))
    run_trials([leader, slow], 600.0, NullMonitor())
    assert slow.folds_done == {0}
    assert "behind fine-tune, logistic" in str(slow.stop_reason)


def test_a_fold_is_seen_neither_in_training_rows_nor_through_its_translations(
    network: Network,
) -> None:
    train = labelled_examples(45, "de", grouped=True)
    source = labelled_examples(45, "en", grouped=True)
    rows = split_for_cross_validation(method_input(network, train=train, source=source))
    for fold in range(rows.count):
        held = rows.rows.take(rows.held_out(fold))
        seen = rows.train_input(fold)
        assert not set(held.groups or ()) & set(seen.labelled_rows().groups or ())
        assert seen.source is not None
        assert not set(held.groups or ()) & set(seen.source.groups or ())


def test_validation_rows_are_labels_like_any_other(network: Network) -> None:
    data = method_input(network, validation=labelled_examples(9, "en"))
    assert run(data, NullMonitor()).report["rows"] == 54


def test_a_head_candidate_leaves_the_source_model_as_it_was_for_the_next(
    network: Network,
) -> None:
    rows = split_for_cross_validation(method_input(network))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    Trial(ENTRIES["fine-tune, logistic"], rows).advance([0, 1], NullMonitor())
    assert all(map(np.array_equal, before, [p.detach() for p in network.parameters()]))


def test_rows_of_one_group_are_compared_and_promise_nothing(network: Network) -> None:
    rows = replace(labelled_examples(30, "de"), groups=("one",) * 30)
    output = run(method_input(network, train=rows), NullMonitor())
    assert output.report["score"] is None
    assert output.out_of_fold is None
    by_name = {one["name"]: one for one in output.report["candidates"]}
    assert by_name["fine-tune, logistic"]["folds"] == 5


def test_of_a_single_row_nothing_is_learnt(network: Network) -> None:
    output = run(method_input(network, train=labelled_examples(1, "de")), NullMonitor())
    assert output.report["chosen"] == "zero-shot"
    by_name = {one["name"]: one for one in output.report["candidates"]}
    assert "single row" in by_name["fine-tune, logistic"]["reason"]
