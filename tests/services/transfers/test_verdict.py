"""What is said of a transfer beside its baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.enums import EvaluationKind, Role
from app.learn.data.examples import Examples
from app.learn.tasks.contract import Objective
from app.learn.tasks.multi_label import MultiLabel
from app.learn.tasks.single_label import SingleLabel
from app.learn.tasks.tagging import Tagging
from app.services.transfers.partition import Partition, ValidationChoice
from app.services.transfers.score import baseline_answers
from app.services.transfers.verdict import (
    compare_with_baselines,
    forgetting_sentence,
    judge,
    score_spread,
    with_score,
)
from tests.support.datasets import labelled_examples

LABELS = ("a", "b", "c")
UNSPLIT = ValidationChoice("none", 0.0, "")


def _comparison(baseline: str, low: float | None, clusters: int = 100) -> dict[str, Any]:
    start = low or 0.0
    return {
        "baseline": baseline,
        "difference": start + 0.1,
        "low": low,
        "high": start + 0.2,
        "p_value": 0.02,
        "clusters": clusters,
    }


def _compared(
    baseline: str, difference: float, interval: tuple[float, float], clusters: int = 100
) -> dict[str, Any]:
    low, high = interval
    numbers = {"difference": difference, "low": low, "high": high}
    return {"baseline": baseline, **numbers, "p_value": 0.3, "clusters": clusters}


def test_a_win_names_everything_that_was_compared() -> None:
    verdict = judge([_comparison("source-model", 0.3), _comparison("tfidf", 0.1)])
    assert verdict["beats_all"]
    assert verdict["next"] is None
    assert verdict["sentence"] == (
        "The transferred model beats the untouched source model and TF-IDF with logistic "
        "regression."
    )


def test_a_loss_says_what_was_beaten_what_was_not_and_what_to_try() -> None:
    verdict = judge([_comparison("majority", 0.3), _comparison("tfidf", -0.15)])
    assert not verdict["beats_all"]
    assert (verdict["beaten"], verdict["not_beaten"]) == (["majority"], ["tfidf"])
    assert "The transferred model beats the majority class." in verdict["sentence"]
    assert (
        "does not beat TF-IDF with logistic regression (difference -5.0 points"
        in (verdict["sentence"])
    )
    assert "try `auto`" in verdict["next"]
    assert verdict["sentence"].endswith(verdict["next"])


@pytest.mark.parametrize(
    ("baseline", "low", "following"),
    [
        ("majority", -0.2, "label_mapping"),
        ("chance", -0.2, "label_mapping"),
        ("source-model", -0.2, "source model does as well untouched"),
        ("linear-probe", -0.2, "simple classifier"),
        ("tfidf", -0.05, "more test rows would tell"),
    ],
)
def test_what_to_try_depends_on_what_was_not_beaten(
    baseline: str, low: float, following: str
) -> None:
    assert following in judge([_comparison(baseline, low)])["next"]


@pytest.mark.parametrize("baseline", ["majority", "chance", "source-model", "tfidf"])
def test_few_rows_are_asked_for_more_where_nothing_is_certain(baseline: str) -> None:
    unsure = judge([_compared(baseline, 0.33, (-0.14, 0.69), 9)])
    assert unsure["next"] == (
        "9 independent test rows cannot tell: send a test dataset of 30 or more."
    )
    assert "is as good" not in unsure["sentence"]
    assert "only large differences" not in unsure["sentence"], "it is said once"
    worse = judge([_compared(baseline, -0.8, (-0.99, -0.5), 9)])
    assert "cannot tell" not in worse["next"]
    assert "better" in worse["next"]
    enough = judge([_compared(baseline, -0.1, (-0.3, 0.1), 30)])
    assert "cannot tell" not in enough["next"]


def test_a_baseline_that_is_behind_but_not_for_certain_is_not_called_as_good() -> None:
    ahead, behind = (
        _compared("majority", 0.1, (-0.1, 0.3)),
        _compared("source-model", -0.1, (-0.3, 0.1)),
    )
    assert "The source model does as well untouched" in judge([ahead, behind])["next"]
    behind["baseline"] = "chance"
    assert "label_mapping" in judge([ahead, behind])["next"]


def test_only_what_it_is_ahead_of_is_named() -> None:
    tfidf, probe = (
        _compared("tfidf", 0.025, (-0.035, 0.084)),
        _compared("linear-probe", 0.2, (0.1, 0.3)),
    )
    assert judge([tfidf, probe])["next"] == (
        "It is ahead of TF-IDF with logistic regression too, though not for certain: more test "
        "rows would tell."
    )
    assert judge([tfidf])["next"].startswith("It is ahead of TF-IDF with logistic regression, ")


@pytest.mark.parametrize(
    ("fitted", "method", "said", "unsaid"),
    [
        (False, "self-train", "label about 50 rows, then try `auto`", "more labelled rows"),
        (True, "fine-tune", "give more labelled rows", "label about 50"),
        (True, "auto", "label more rows", "try `auto`"),
    ],
)
def test_what_to_try_fits_what_was_given(fitted: bool, method: str, said: str, unsaid: str) -> None:
    found = judge([_compared("source-model", -0.01, (-0.1, 0.1))], fitted=fitted, method=method)
    assert said in found["next"]
    assert unsaid not in found["next"]


def test_auto_is_not_advised_to_try_auto() -> None:
    behind = [_compared("tfidf", -0.01, (-0.1, 0.1))]
    assert "`auto`" not in judge(behind, method="auto")["next"]
    assert "try `auto`" in judge(behind, method="joint")["next"]


def test_a_model_without_test_rows_is_advised_to_get_some() -> None:
    assert judge([], evaluated=False)["next"] == (
        "Send a test dataset of 30 labelled rows or more to find out."
    )
    assert judge([])["next"] is None


def _score(value: float, source: float | None, half: float = 0.05) -> dict[str, Any]:
    def scored(middle: float, rows: int) -> dict[str, Any]:
        return {"value": middle, "low": middle - half, "high": middle + half, "rows": rows}

    there = None if source is None else scored(source, 72)
    return {"metric": "accuracy", **scored(value, 400), "source": there}


def test_the_verdict_begins_with_the_score() -> None:
    won = judge([_compared("source-model", 0.1, (0.05, 0.15))])
    alone = with_score(won, _score(0.635, None), "en", {Role.TRAIN})
    assert alone["sentence"] == (
        "Accuracy on 400 test rows is 63.5% (95% interval 58.5% to 68.5%). The transferred model "
        "beats the untouched source model."
    )
    assert alone["next"] is None
    beside = with_score(won, _score(0.635, 0.889), "en", {Role.TRAIN})
    assert "; on 72 rows of `en` it is 88.9%. The transferred" in beside["sentence"]


def test_a_score_far_below_the_source_language_says_what_could_help() -> None:
    won = judge([_compared("source-model", 0.1, (0.05, 0.15))])
    far = with_score(won, _score(0.635, 0.889), "en", {Role.TRAIN}, "fine-tune")
    assert far["next"] == (
        "It is 25 points below `en`. What could help: more labelled rows, `unlabelled` rows, "
        "`source` rows; `auto` tries what they allow."
    )
    assert far["sentence"].endswith(far["next"])
    everything = {Role.TRAIN, Role.UNLABELLED, Role.SOURCE}
    assert with_score(won, _score(0.635, 0.889), "en", everything, "auto")["next"].endswith(
        "What could help: more labelled rows."
    )
    assert with_score(won, _score(0.8, 0.85), "en", everything)["next"] is None
    assert with_score(won, _score(0.635, 0.889, 0.2), "en", everything)["next"] is None
    assert with_score(won, _score(0.635, 0.889), "en", everything, ahead=False)["next"] is None


@pytest.mark.parametrize(
    ("difference", "low", "high", "said"),
    [
        (0.0139, -0.02, 0.05, "rose from 87.5% to 88.9% (difference +1.4 points, 95% interval"),
        (-0.1, -0.15, -0.05, "fell from 87.5% to 77.5%"),
        (0.0, 0.0, 0.0, "is 87.5%, as before."),
        (-0.1, None, None, "too few rows to tell whether that is chance"),
    ],
)
def test_what_became_of_the_source_language_is_said_with_its_sign(
    difference: float, low: float | None, high: float | None, said: str
) -> None:
    found = {"metric": "accuracy", "difference": difference, "low": low, "high": high}
    sentence = forgetting_sentence(found, 0.875, 0.875 + difference, "en")
    assert said in sentence
    uncertain = low is not None and low <= 0 <= float(high or 0) and difference != 0
    assert ("may be chance" in sentence) == uncertain


def test_without_target_labels_no_win_over_a_fitted_classifier_is_claimed() -> None:
    verdict = judge([_comparison("source-model", 0.2)], fitted=False)
    assert "No classifier fitted on target labels was compared" in verdict["sentence"]
    assert "Label a few rows" in verdict["next"]


def test_few_independent_rows_are_said_to_be_few() -> None:
    assert "With 12 independent test rows" in judge([_comparison("tfidf", 0.2, 12)])["sentence"]
    unsure = judge([_comparison("tfidf", None, 5)])
    assert unsure["beats_all"] is None
    assert "fewer than 6 independent test rows" in unsure["sentence"]
    assert judge([], evaluated=False)["beats_all"] is None


def test_six_right_against_two_is_no_win() -> None:
    test = Examples([f"text {i}" for i in range(6)], np.zeros(6, dtype=int), np.arange(1, 7))
    transferred = np.tile([0.9, 0.1], (6, 1)).astype(np.float32)
    baseline = transferred.copy()
    baseline[2:] = baseline[2:, ::-1]
    kinds = {EvaluationKind.TRANSFERRED: transferred, EvaluationKind.SOURCE_MODEL: baseline}
    verdict = judge(compare_with_baselines(kinds, test, SingleLabel(("a", "b")), 0))
    assert verdict["not_beaten"] == ["source-model"]
    assert "p = 0.12" in verdict["sentence"]


def test_a_constant_answer_is_compared_where_there_are_no_labels_to_fit_on() -> None:
    test = labelled_examples(30, "de")
    found = baseline_answers(Partition(None, None, None, UNSPLIT), test, SingleLabel(LABELS), 0)
    assert set(found) == {EvaluationKind.MAJORITY, EvaluationKind.CHANCE}


def test_every_baseline_of_labels_is_fitted_where_there_are_a_few() -> None:
    rows = labelled_examples(60, "de")
    train, test = rows.take(np.arange(9)), rows.take(np.arange(9, 60))
    for part in (Partition(train, None, None, UNSPLIT), Partition(None, train, None, UNSPLIT)):
        found = baseline_answers(part, test, SingleLabel(LABELS), 0)
        assert set(found) == {
            EvaluationKind.TFIDF,
            EvaluationKind.MAJORITY,
            EvaluationKind.CHANCE,
        }


@pytest.mark.parametrize(
    ("objective", "targets"),
    [
        (SingleLabel(LABELS), np.repeat([0, 1, 2], [70, 20, 10])),
        (
            MultiLabel(LABELS),
            np.repeat([[True, False, False], [False, True, True]], [80, 20], axis=0),
        ),
        (Tagging(("O", "B-X", "B-Y")), np.repeat([[0, 0], [0, 1], [2, 2]], [60, 30, 10], axis=0)),
    ],
)
def test_chance_answers_as_often_as_labels_occur(objective: Objective, targets: np.ndarray) -> None:
    inputs = [("one", "two")] * 4000 if objective.per_word else ["text"] * 4000
    answers = objective.chance(targets, inputs, 0)
    assert answers.shape == objective.answer_shape(inputs)
    rows = Examples(inputs, np.resize(targets, (4000, *targets.shape[1:])), np.arange(4000))
    if isinstance(objective, MultiLabel):
        answered, true = objective.predicted(answers).mean(axis=0), targets.mean(axis=0)
    else:
        answered = np.bincount(answers.argmax(axis=-1).ravel(), minlength=3) / answers[..., 0].size
        true = np.bincount(targets.ravel(), minlength=3) / targets.size
    assert answered == pytest.approx(true, abs=0.03)
    assert np.isfinite(objective.log_losses(answers, rows.targets)).all()


def test_the_spread_is_over_repeats_and_one_repeat_has_none() -> None:
    found = score_spread([{"accuracy": 0.8}, {"accuracy": 0.9}, {"accuracy": 1.0}], "accuracy")
    assert found == {
        "metric": "accuracy",
        "mean": pytest.approx(0.9),
        "sd": pytest.approx(0.1),
        "each": [0.8, 0.9, 1.0],
    }
    assert score_spread([{"number": 0}], "accuracy") is None
