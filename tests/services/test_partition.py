"""Which rows a transfer may see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.enums import Role
from app.domain.errors.running import ImageShapesDiffer, NothingToTrainOn
from app.domain.transfers import Sample, TransferSpec
from app.learn.examples import Examples
from app.learn.pairs import Pairs
from app.services.running.partition import draw_partition, hold_out
from app.services.running.verdict import judge, spread
from tests.support.datasets import image_examples, labelled_examples

SPEC = TransferSpec("mdl_1", "de", "fine-tune", {Role.TRAIN: "dst_1"})


def _rows(examples: Examples | None) -> set[int]:
    return set() if examples is None else set(examples.rows.tolist())


def test_missing_roles_are_split_off_and_share_nothing() -> None:
    held = hold_out(SPEC, {Role.TRAIN: labelled_examples(90, "de")})
    parts = draw_partition(SPEC, held, None, 0)
    test, train, validation = _rows(held.test), _rows(parts.train), _rows(parts.validation)
    assert len(test) == 18
    assert not test & train
    assert not test & validation
    assert not train & validation


def test_the_test_rows_are_the_same_in_every_repeat_and_the_samples_are_not() -> None:
    spec = replace(SPEC, sample=Sample(per_class=6))
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    first, again, second = (draw_partition(spec, held, None, n) for n in (0, 0, 1))
    assert _rows(first.train) == _rows(again.train) != _rows(second.train)
    assert not _rows(held.test) & (_rows(first.train) | _rows(second.train))


def test_validation_rows_are_part_of_the_sample() -> None:
    spec = replace(SPEC, sample=Sample(per_class=10))
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    parts = draw_partition(spec, held, None, 0)
    assert len(_rows(parts.train) | _rows(parts.validation)) == 30


def test_a_validation_fraction_of_nothing_means_no_validation() -> None:
    spec = replace(SPEC, validation_fraction=0.0)
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    assert draw_partition(spec, held, None, 0).validation is None


def test_training_rows_that_stand_in_a_given_test_set_are_dropped_and_counted() -> None:
    everything = labelled_examples(60, "de")
    test = everything.take(np.arange(40, 60))
    held = hold_out(SPEC, {Role.TRAIN: everything, Role.TEST: test})
    assert _rows(held.pool) == set(range(1, 41))
    assert held.leaks[Role.TRAIN]["dropped"] == 20
    with pytest.raises(NothingToTrainOn):
        hold_out(SPEC, {Role.TRAIN: test, Role.TEST: test})


def test_source_rows_that_translate_validation_rows_are_not_replayed() -> None:
    target, source = (labelled_examples(90, code, grouped=True) for code in ("de", "en"))
    held = hold_out(SPEC, {Role.TRAIN: target, Role.SOURCE: source})
    parts = draw_partition(SPEC, held, None, 0)
    assert parts.source is not None
    assert parts.validation is not None
    kept = set(parts.source.groups or ())
    assert not kept & set(held.test.groups or ())
    assert not kept & set(parts.validation.groups or ())


def test_inputs_without_labels_that_repeat_test_rows_are_dropped_and_counted() -> None:
    everything = labelled_examples(60, "de")
    test = everything.take(np.arange(40, 60))
    inputs = {Role.UNLABELLED: everything.inputs}
    held = hold_out(SPEC, {Role.TEST: test}, inputs)
    assert held.pool is None
    assert held.inputs[Role.UNLABELLED] == everything.inputs[:40]
    assert held.leaks[Role.UNLABELLED] == {"dropped": 20}
    with pytest.raises(NothingToTrainOn):
        hold_out(SPEC, {Role.TEST: test}, {Role.UNLABELLED: test.inputs})


def test_sentence_pairs_with_a_test_row_on_either_side_are_dropped_and_word_pairs_are_not() -> None:
    test = labelled_examples(3, "de")
    known = str(test.inputs[0])
    pairs = Pairs(("one", "two", known.upper()), ("eins", known, "drei"))
    held = hold_out(SPEC, {Role.TEST: test}, None, {Role.PARALLEL: pairs, Role.DICTIONARY: pairs})
    assert held.pairs == {Role.PARALLEL: Pairs(("one",), ("eins",)), Role.DICTIONARY: pairs}
    assert held.leaks[Role.PARALLEL] == {"dropped": 2}


def test_without_labelled_rows_there_is_nothing_to_test_or_to_train_on() -> None:
    held = hold_out(SPEC, {}, {Role.UNLABELLED: ["ein Satz"]})
    assert (held.test, held.pool) == (None, None)
    parts = draw_partition(SPEC, held, None, 0)
    assert (parts.train, parts.validation, parts.source) == (None, None, None)


def test_source_images_of_another_shape_are_refused() -> None:
    rows = {Role.TRAIN: image_examples(40), Role.SOURCE: image_examples(40, size=20)}
    with pytest.raises(ImageShapesDiffer, match="1 x 28 x 28"):
        hold_out(SPEC, rows)


def _comparison(baseline: str, low: float) -> dict[str, object]:
    return {"baseline": baseline, "difference": low + 0.1, "low": low, "high": low + 0.2}


def test_a_transfer_that_beats_all_says_so_and_one_that_does_not_says_which() -> None:
    assert judge([_comparison("majority", 0.3)])["beats_all"]
    verdict = judge([_comparison("majority", 0.3), _comparison("tfidf", -0.05)])
    assert not verdict["beats_all"]
    assert judge([], evaluated=False)["beats_all"] is None
    assert (verdict["beaten"], verdict["not_beaten"]) == (["majority"], ["tfidf"])
    assert "TF-IDF with logistic regression (difference +5.0 points" in verdict["sentence"]


def test_the_spread_is_over_repeats_and_one_repeat_has_none() -> None:
    found = spread([{"accuracy": 0.8}, {"accuracy": 0.9}, {"accuracy": 1.0}], "accuracy")
    assert found == {
        "metric": "accuracy",
        "mean": pytest.approx(0.9),
        "sd": pytest.approx(0.1),
        "each": [0.8, 0.9, 1.0],
    }
    assert spread([{"number": 0}], "accuracy") is None
