"""Splits of labelled rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors.transfers import TooFewRowsToSplit
from app.learn.data.examples import Examples
from app.learn.data.splits import clusters, fold_numbers, split_off, stratified_folds
from tests.support.datasets import image_examples, labelled_examples


def _examples(targets: list[int], groups: list[str] | None = None) -> Examples:
    return Examples(
        inputs=[f"text {i}" for i in range(len(targets))],
        targets=np.array(targets, dtype=np.int64),
        rows=np.arange(1, len(targets) + 1),
        groups=None if groups is None else tuple(groups),
    )


def test_a_split_loses_no_row_and_doubles_none() -> None:
    rest, held = split_off(labelled_examples(100), 0.15, seed=1)
    assert sorted([*rest.rows, *held.rows]) == list(range(1, 101))
    assert len(held) == 15


def test_a_split_is_stratified_by_label() -> None:
    examples = _examples([0] * 100 + [1] * 50 + [2] * 10)
    rest, held = split_off(examples, 0.2, seed=3)
    assert list(np.bincount(held.targets)) == [20, 10, 2]
    assert list(np.bincount(rest.targets)) == [80, 40, 8]


def test_rows_of_one_group_stay_on_one_side() -> None:
    for seed in range(10):
        rest, held = split_off(labelled_examples(100, grouped=True), 0.2, seed)
        assert rest.groups is not None
        assert held.groups is not None
        assert not set(rest.groups) & set(held.groups)
        assert 14 <= len(held) <= 26


def test_groups_across_labels_keep_the_split_near_its_fraction() -> None:
    draw = np.random.default_rng(0)
    groups = [f"g{g}" for g in draw.integers(0, 40, 400)]
    rest, held = split_off(_examples(list(draw.integers(0, 4, 400)), groups), 0.2, seed=0)
    assert len(held) == pytest.approx(80, abs=12)
    assert np.bincount(held.targets, minlength=4).min() >= 10
    assert not set(rest.groups or ()) & set(held.groups or ())


def test_rows_without_a_group_stand_alone() -> None:
    _, held = split_off(_examples([0, 1] * 20, [""] * 40), 0.25, seed=0)
    assert len(held) == 10


def test_each_label_keeps_a_row_on_both_sides_where_it_has_two() -> None:
    examples = _examples([0] * 200 + [1, 1] + [2, 2, 2] + [3])
    for fraction in (0.05, 0.5, 0.95):
        for seed in range(5):
            rest, held = split_off(examples, fraction, seed)
            assert {0, 1, 2} <= set(rest.targets)
            assert {0, 1, 2} <= set(held.targets)


def test_no_label_is_put_on_both_sides_at_the_cost_of_another() -> None:
    targets, groups = [1, 2, 0, 1, 0, 0, 2], list("daacada")
    rest, held = split_off(_examples(targets, groups), 0.3, seed=0)
    two_groups = {0, 1}
    assert two_groups <= set(rest.targets)
    assert two_groups <= set(held.targets)


def test_a_label_of_one_row_stays_to_be_learnt() -> None:
    for seed in range(10):
        rest, _ = split_off(_examples([0] * 5 + [1] * 5 + [2]), 0.4, seed)
        assert 2 in rest.targets


def test_one_seed_gives_one_split_and_another_seed_another() -> None:
    first, again, other = (split_off(labelled_examples(90), 0.2, s)[1].rows for s in (5, 5, 6))
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_images_are_split_like_texts() -> None:
    rest, held = split_off(image_examples(50), 0.2, seed=0)
    assert rest.inputs.shape == (40, 1, 28, 28)
    assert list(np.bincount(held.targets)) == [1] * 10


def test_a_fraction_of_nothing_holds_nothing() -> None:
    rest, held = split_off(labelled_examples(10), 0.0, seed=0)
    assert (len(rest), len(held)) == (10, 0)


@pytest.mark.parametrize("groups", [None, ["one"] * 6])
def test_rows_that_cannot_be_split_are_refused(groups: list[str] | None) -> None:
    examples = _examples([0] * 6, groups) if groups else _examples([0])
    with pytest.raises(TooFewRowsToSplit) as refused:
        split_off(examples, 0.5, seed=0)
    assert refused.value.fields["groups"] == 1


def test_copies_of_one_text_stay_on_one_side_whatever_their_case_and_spaces() -> None:
    texts = [
        f"{'A' if copy % 2 else 'a'} text {i}{' ' * copy}" for i in range(40) for copy in range(5)
    ]
    rows = Examples(texts, np.arange(200) // 5 % 4, np.arange(1, 201))
    rest, held = split_off(rows, 0.2, seed=0)
    sides = [{str(text).casefold().strip() for text in part.inputs} for part in (rest, held)]
    assert not sides[0] & sides[1]
    assert len(held) == 40


def test_groups_and_copies_join_rows_in_chains() -> None:
    rows = Examples(
        ["one", "two", "Two", "three", "four", "four"],
        np.zeros(6, dtype=np.int64),
        np.arange(1, 7),
        ("a", "a", "b", "b", "", ""),
    )
    assert list(clusters(rows)) == [0, 0, 0, 0, 1, 1]


def test_equal_images_are_one_cluster() -> None:
    images = image_examples(6)
    images.inputs[4] = images.inputs[1]
    assert list(clusters(images)) == [0, 1, 2, 3, 1, 4]


@st.composite
def _tables(draw: st.DrawFn) -> Examples:
    count = draw(st.integers(2, 60))
    texts = draw(st.lists(st.sampled_from("abcdefghij"), min_size=count, max_size=count))
    groups = draw(st.lists(st.sampled_from(["", "x", "y", "z"]), min_size=count, max_size=count))
    targets = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    kept = draw(st.sampled_from([None, tuple(groups)]))
    return Examples(list(texts), np.array(targets), np.arange(1, count + 1), kept)


@given(_tables(), st.sampled_from([0.1, 0.2, 0.5]), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_splits_and_folds_divide_no_cluster_and_lose_no_row(
    rows: Examples, fraction: float, seed: int
) -> None:
    numbers = clusters(rows)
    folds = fold_numbers(rows, seed)
    if len(set(numbers)) > 1:  # a single cluster is divided by rows
        assert all(len(set(folds[numbers == number])) == 1 for number in set(numbers))
    assert set(folds) == set(range(folds.max() + 1))
    try:
        rest, held = split_off(rows, fraction, seed)
    except TooFewRowsToSplit:
        of_label = [set(numbers[rows.targets == label]) for label in set(rows.targets)]
        assert max(map(len, of_label)) == 1
        return
    assert sorted([*rest.rows, *held.rows]) == list(rows.rows)
    assert not set(numbers[rest.rows - 1]) & set(numbers[held.rows - 1])
    assert len(rest)
    assert len(held)


def test_rows_of_one_group_share_a_fold_and_labels_are_spread() -> None:
    targets = np.arange(60) % 3
    folds = stratified_folds(targets, np.arange(60) // 4, 0)
    assert len(set(folds)) == 5
    assert all(len(set(folds[i : i + 4])) == 1 for i in range(0, 60, 4))
    alone = stratified_folds(targets, np.arange(60), 0)
    assert all(np.bincount(targets[alone == fold], minlength=3).min() >= 3 for fold in range(5))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_rows_still_have_folds(count: int) -> None:
    folds = stratified_folds(np.arange(count) % 3, np.arange(count), 0)
    assert len(folds) == count
    assert set(folds) == set(range(min(count, 2)))


@pytest.mark.parametrize("count", [2, 3, 30])
def test_rows_of_a_single_cluster_are_divided(count: int) -> None:
    folds = stratified_folds(np.arange(count) % 3, np.zeros(count, dtype=np.int64), 0)
    assert np.bincount(folds).max() <= (count + 1) // 2
