"""By which label a row of several is stratified."""

from __future__ import annotations

import numpy as np

from app.domain.transfers import SampleSize
from app.learn.data.examples import NO_WORD, Examples, concatenate_examples
from app.learn.data.splits import draw_sample, split_off, stratification_labels


def test_a_row_counts_with_its_rarest_label_and_one_without_labels_by_itself() -> None:
    targets = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], dtype=bool)
    assert stratification_labels(targets).tolist() == [0, 0, 1, 2]


def test_a_sentence_counts_with_its_rarest_tag() -> None:
    targets = np.array([[0, 0, NO_WORD], [0, 1, 2], [0, 1, NO_WORD], [0, 0, 0]])
    assert stratification_labels(targets).tolist() == [0, 2, 1, 0]


def _tagged(rows: int = 60) -> Examples:
    """Every tenth sentence has the rare tag 2, every second the tag 1."""
    targets = np.zeros((rows, 4), dtype=np.int64)
    targets[::2, 1] = 1
    targets[::10, 2] = 2
    targets[:, 3] = NO_WORD
    sentences = [("a", "b", str(i)) for i in range(rows)]
    return Examples(inputs=sentences, targets=targets, rows=np.arange(1, rows + 1))


def test_a_split_leaves_a_rare_tag_on_both_sides() -> None:
    rest, held = split_off(_tagged(), 0.2, seed=0)
    assert len(held) == 12
    assert (rest.targets == 2).sum() >= 1
    assert (held.targets == 2).sum() >= 1


def test_a_sample_per_class_has_so_many_sentences_of_each_rarest_tag() -> None:
    sample = draw_sample(_tagged(), SampleSize(per_class=3), seed=0)
    assert np.bincount(stratification_labels(_tagged().targets)[sample.rows - 1]).tolist() == [
        3,
        3,
        3,
    ]


def test_sentences_of_other_lengths_are_joined() -> None:
    longer = Examples([("a",) * 6], np.zeros((1, 6), dtype=np.int64), np.array([1]))
    joined = concatenate_examples(_tagged(2), longer)
    assert joined.targets.shape == (3, 6)
    assert joined.targets[0].tolist() == [0, 1, 2] + [NO_WORD] * 3
