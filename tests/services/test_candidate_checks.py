"""Which candidates pass their check, and which of those serves."""

from __future__ import annotations

import numpy as np
import pytest

from app.domain.models import EquivalenceCheck, ServingCandidate
from app.learn.data.examples import NO_WORD
from app.learn.tasks.multi_label import MultiLabel
from app.learn.tasks.single_label import SingleLabel
from app.learn.tasks.tagging import Tagging
from app.services.candidate_checks import CheckRows, check_answers
from app.services.compile_model import MeasuredCandidate, choose_candidate

_LABELS = ("no", "yes")
_TEXTS = ["one", "two", "three", "four"]
_OWN = [np.array(row, np.float32) for row in ([0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7])]


@pytest.mark.parametrize(
    ("change", "passed"), [(0.0, True), (9e-4, True), (2e-3, False), (float("nan"), False)]
)
def test_equal_answers_are_asked_for_to_a_thousandth(change: float, passed: bool) -> None:
    found = [_OWN[0] + np.array([change, -change], np.float32), *_OWN[1:]]
    check = check_answers(SingleLabel(_LABELS), CheckRows(_TEXTS, None), _OWN, found, None)
    assert (check.passed, check.real, check.rows) == (passed, False, 4)


def test_one_other_answer_is_too_many_however_near_it_lies() -> None:
    near = [np.array([0.5002, 0.4998], np.float32)]
    other = [np.array([0.4999, 0.5001], np.float32)]
    check = check_answers(SingleLabel(_LABELS), CheckRows(["one"], None), near, other, None)
    assert (check.passed, check.same_answers) == (False, 0.0)
    assert check.largest_difference < 1e-3


def test_reduced_precision_may_lose_what_is_tolerated_and_no_more() -> None:
    rows = CheckRows(_TEXTS, np.array([0, 1, 0, 1]))
    found = [*_OWN[:3], _OWN[3][::-1]]
    checks = [
        check_answers(SingleLabel(_LABELS), rows, _OWN, found, limit) for limit in (0.25, 0.24)
    ]
    assert [check.passed for check in checks] == [True, False]
    assert (checks[0].metric, checks[0].reference, checks[0].value) == ("accuracy", 1.0, 0.75)
    assert checks[0].same_answers == 0.75


def test_a_loss_of_exactly_the_tolerance_is_tolerated() -> None:
    answers = [np.array([0.9, 0.1], np.float32)] * 400
    targets = np.zeros(400, dtype=np.int64)
    rows, wrong = CheckRows(["text"] * 400, targets), answers[0][::-1]
    own = [*answers[:303], *[wrong] * 97]  # 0.7575, and 0.7525 below
    found = [*answers[:301], *[wrong] * 99]
    assert check_answers(SingleLabel(_LABELS), rows, own, found, 0.005).passed
    assert not check_answers(SingleLabel(_LABELS), rows, own, found, 0.0049).passed


def test_reduced_precision_cannot_pass_where_nobody_knows_the_right_answers() -> None:
    check = check_answers(SingleLabel(_LABELS), CheckRows(_TEXTS, None), _OWN, _OWN, 1.0)
    assert not check.passed


def test_sentences_of_unlike_length_are_compared_word_by_word() -> None:
    own = [np.array([[0.9, 0.1], [0.1, 0.9]], np.float32), np.array([[0.8, 0.2]], np.float32)]
    targets = np.array([[0, 1], [0, NO_WORD]])
    rows = CheckRows([("a", "b"), ("c",)], targets)
    tagging = Tagging(("O", "B-NAME"))
    assert check_answers(tagging, rows, own, own, None).passed
    other = [own[0][::-1], own[1]]
    check = check_answers(tagging, rows, own, other, 0.5)
    assert (check.same_answers, check.passed) == (0.5, False)


def test_sets_of_labels_are_alike_when_the_same_labels_apply() -> None:
    own = [np.array([0.9, 0.7], np.float32)]
    rows = CheckRows(["one"], np.array([[True, True]]))
    other = [np.array([0.6, 0.95], np.float32)]
    check = check_answers(MultiLabel(_LABELS), rows, own, other, 0.0)
    assert (check.same_answers, check.passed) == (1.0, True)


@pytest.mark.parametrize(
    ("speeds", "chosen"),
    [
        ((100, 110, 115, None), "onnxruntime float32"),
        ((100, 110, 121, None), "onnxruntime int8"),
        ((100, 130, 140, None), "torch float32"),
        ((100, 130, 157, 160), "onnxruntime int8"),
        ((100, 130, 157, 190), "torch bfloat16"),
        ((None, 10, 50, 5), "onnxruntime int8"),
        ((None, 10, None, None), "torch float32"),
    ],
)
def test_a_later_candidate_must_be_a_fifth_faster(
    speeds: tuple[float | None, ...], chosen: str
) -> None:
    kinds = [("onnxruntime", "float32"), ("torch", "float32"), ("onnxruntime", "int8")]
    kinds.append(("torch", "bfloat16"))
    tried = [
        MeasuredCandidate(
            ServingCandidate(*kind, check=EquivalenceCheck(4, True, 1.0, 0.0, speed is not None)),
            speed or 0.0,
        )
        for kind, speed in zip(kinds, speeds, strict=True)
    ]
    found, reason = choose_candidate(tried)
    assert f"{found.candidate.engine} {found.candidate.precision}" == chosen
    assert reason.endswith(".")
