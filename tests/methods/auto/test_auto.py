"""What `auto` tries, stops and chooses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.models import ModelHints
from app.formats.catalog import recognise
from app.learn.monitor import Silence
from app.learn.network import Network
from app.methods.auto.choice import choose
from app.methods.auto.grid import GRID
from app.methods.auto.pool import pool
from app.methods.auto.race import race
from app.methods.auto.run import run
from app.methods.auto.spec import AutoParameters
from app.methods.auto.trial import Trial
from app.methods.contract import MethodInput
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier

ENTRIES = {entry.name: entry for entry in GRID}


@pytest.fixture
def network(tmp_path: Path) -> Network:
    folder = a_text_classifier(tmp_path / "model", labels=LABELS)
    found = recognise(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def given(network: Network, **changes: Any) -> MethodInput:
    asked = MethodInput(network, AutoParameters(), train=labelled_examples(45, "de"), seed=1)
    return replace(asked, **changes)


def trial(asked: MethodInput, name: str, right: int, first: int = 0) -> Trial:
    """A complete trial of 45 rows; `right` answers from number `first` on are right."""
    made = Trial(ENTRIES[name], pool(asked))
    rows = made.pool.rows
    places = np.arange(len(rows)) - first
    good = (places >= 0) & (places < right)
    answered = np.where(good, rows.targets, (rows.targets + 1) % 3)
    made.answers[np.arange(len(rows)), answered] = 1.0
    made.logits = 20.0 * made.answers
    made.done = set(range(made.pool.count))
    return made


def test_every_candidate_is_reported_with_its_score_or_the_reason_against_it(
    network: Network,
) -> None:
    output = run(given(network), Silence())
    told = {one["name"]: one for one in output.report["candidates"]}
    assert set(told) == set(ENTRIES)
    assert told["joint, logistic"]["reason"] == "It needs source data."
    assert "body_rows" in told["fine-tune, lp-ft"]["reason"]
    assert told["fine-tune, logistic"]["score"] > told["zero-shot"]["score"]
    assert [one["name"] for one in told.values() if one["outcome"] == "chosen"] == [
        output.report["chosen"]
    ]
    assert all(one.get("reason") for one in told.values())


def test_what_changes_less_is_taken_where_scores_tie(network: Network) -> None:
    asked = given(network)
    trials = [trial(asked, "zero-shot", 38, 7), trial(asked, "fine-tune, lp-ft", 40)]
    assert choose(trials).winner is trials[0]
    trials = [trial(asked, "zero-shot", 20), trial(asked, "fine-tune, lp-ft", 41)]
    assert choose(trials).winner is trials[1]


def test_the_better_one_is_taken_where_the_difference_is_more_than_chance(
    network: Network,
) -> None:
    asked = given(network)
    trials = [trial(asked, "joint, logistic", 20), trial(asked, "zero-shot", 40)]
    assert choose(trials).winner is trials[1]


def test_slow_candidates_stop_when_the_seconds_are_used_up(network: Network) -> None:
    rows = pool(given(network))
    trials = [Trial(ENTRIES[name], rows) for name in ("zero-shot", "fine-tune, lp-ft")]
    race(trials, 1e-9, Silence())
    assert trials[0].complete
    assert not trials[1].done
    assert "seconds" in str(trials[1].why)


def test_a_slow_candidate_is_stopped_as_soon_as_it_is_behind(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = given(network)
    leader = trial(asked, "fine-tune, logistic", 45)
    slow = Trial(ENTRIES["fine-tune, lp-ft"], leader.pool)
    monkeypatch.setattr(slow, "_answer_fold", lambda fold, monitor: slow.done.add(fold))
    race([leader, slow], 600.0, Silence())
    assert slow.done == {0}
    assert "behind fine-tune, logistic" in str(slow.why)


def test_a_fold_is_seen_neither_in_training_rows_nor_through_its_translations(
    network: Network,
) -> None:
    train = labelled_examples(45, "de", grouped=True)
    source = labelled_examples(45, "en", grouped=True)
    rows = pool(given(network, train=train, source=source))
    for fold in range(rows.count):
        held = rows.rows.take(rows.held(fold))
        seen = rows.without(fold)
        assert not set(held.groups or ()) & set(seen.labelled_rows().groups or ())
        assert seen.source is not None
        assert not set(held.groups or ()) & set(seen.source.groups or ())


def test_validation_rows_are_labels_like_any_other(network: Network) -> None:
    asked = given(network, validation=labelled_examples(9, "en"))
    assert run(asked, Silence()).report["rows"] == 54


def test_a_head_candidate_leaves_the_source_model_as_it_was_for_the_next(
    network: Network,
) -> None:
    rows = pool(given(network))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    Trial(ENTRIES["fine-tune, logistic"], rows).advance([0, 1], Silence())
    assert all(map(np.array_equal, before, [p.detach() for p in network.parameters()]))


def test_rows_of_one_group_are_compared_and_promise_nothing(network: Network) -> None:
    rows = replace(labelled_examples(30, "de"), groups=("one",) * 30)
    output = run(given(network, train=rows), Silence())
    assert output.report["score"] is None
    assert output.out_of_fold is None
    told = {one["name"]: one for one in output.report["candidates"]}
    assert told["fine-tune, logistic"]["folds"] == 5


def test_of_a_single_row_nothing_is_learnt(network: Network) -> None:
    output = run(given(network, train=labelled_examples(1, "de")), Silence())
    assert output.report["chosen"] == "zero-shot"
    told = {one["name"]: one for one in output.report["candidates"]}
    assert "single row" in told["fine-tune, logistic"]["reason"]
