"""Samples of a training set."""

from __future__ import annotations

import numpy as np

from app.domain.transfers import SampleSize
from app.learn.data.examples import Examples
from app.learn.data.splits import apportion, draw_sample
from tests.support.datasets import image_examples, labelled_examples


def test_a_sample_per_class_has_that_many_rows_of_each() -> None:
    sample = draw_sample(labelled_examples(60), SampleSize(per_class=4), seed=0)
    assert list(np.bincount(sample.targets)) == [4, 4, 4]
    assert list(sample.rows) == sorted(sample.rows)


def test_a_rare_class_gives_all_it_has() -> None:
    sample = draw_sample(labelled_examples(10), SampleSize(per_class=4), seed=0)
    assert list(np.bincount(sample.targets)) == [4, 3, 3]


def test_a_sample_in_all_is_stratified_and_exact() -> None:
    for rows in (3, 7, 20, 59):
        sample = draw_sample(image_examples(60, classes=3), SampleSize(rows=rows), seed=2)
        counts = np.bincount(sample.targets, minlength=3)
        assert counts.sum() == rows
        assert counts.max() - counts.min() <= 1


def test_a_smaller_sample_per_class_lies_within_a_larger_one() -> None:
    small, large = (
        draw_sample(labelled_examples(60), SampleSize(per_class=n), seed=7) for n in (2, 8)
    )
    assert set(small.rows) < set(large.rows)


def test_another_seed_draws_other_rows() -> None:
    first, again, other = (
        list(draw_sample(labelled_examples(60), SampleSize(rows=12), seed).rows)
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_copies_are_drawn_only_when_no_other_text_is_left() -> None:
    texts = [f"text {i % 10}" for i in range(50)]
    rows = Examples(texts, np.zeros(50, dtype=np.int64), np.arange(1, 51))
    few, many = (draw_sample(rows, SampleSize(rows=count), seed=0) for count in (8, 20))
    assert len(set(few.inputs)) == 8
    assert sorted(many.inputs) == sorted(texts[:20])


def test_a_sample_larger_than_the_set_is_the_set() -> None:
    assert len(draw_sample(labelled_examples(30), SampleSize(rows=99), seed=0)) == 30


def test_apportioned_numbers_add_up_and_leave_no_label_out() -> None:
    draw = np.random.default_rng(0)
    for _ in range(200):
        sizes = draw.integers(1, 50, draw.integers(1, 12))
        total = int(draw.integers(0, sizes.sum() + 5))
        shares = apportion(sizes, total, draw)
        assert shares.sum() == min(total, sizes.sum())
        assert (shares <= sizes).all()
        assert total < len(sizes) or shares.min() >= 1
