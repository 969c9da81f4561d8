"""Rows that would give away held-out rows."""

from __future__ import annotations

import numpy as np

from app.learn.data.examples import Examples
from app.learn.data.leakage import drop_leaks
from tests.support.datasets import image_examples, labelled_examples


def _texts(texts: list[str], groups: list[str] | None = None) -> Examples:
    numbers = np.arange(1, len(texts) + 1)
    return Examples(
        texts, np.zeros(len(texts), np.int64), numbers, tuple(groups) if groups else None
    )


def test_a_text_that_is_held_out_is_dropped_whatever_its_case_spaces_or_form() -> None:
    train = _texts(["Café  au lait", "tea", "CAFE\u0301 au lait", "milk"])
    kept, report = drop_leaks(train, _texts(["café au lait "]))
    assert kept.inputs == ["tea", "milk"]
    assert report == {"dropped": 2, "same_group": 0, "same_input": 2, "rows": [1, 3]}


def test_a_row_whose_group_is_held_out_is_dropped() -> None:
    train = _texts(["one", "two", "three"], ["a", "b", "a"])
    kept, report = drop_leaks(train, _texts(["eins"], ["a"]))
    assert kept.groups == ("b",)
    assert report["same_group"] == 2


def test_the_empty_group_is_shared_with_nobody() -> None:
    kept, _ = drop_leaks(_texts(["one", "two"], ["", ""]), _texts(["eins"], [""]))
    assert len(kept) == 2


def test_several_held_out_parts_count_together() -> None:
    train = _texts(["one", "two", "three"])
    kept, report = drop_leaks(train, _texts(["one"]), _texts(["three"]))
    assert kept.inputs == ["two"]
    assert report["rows"] == [1, 3]


def test_the_same_image_is_a_leak_and_a_similar_one_is_not() -> None:
    train, held = image_examples(20), image_examples(20)
    held.inputs[5, 0, 0, 0] += 1
    kept, report = drop_leaks(train, held.take(np.array([4, 5])))
    assert report["rows"] == [5]
    assert len(kept) == 19


def test_without_leaks_all_rows_are_kept() -> None:
    train = labelled_examples(30)
    kept, report = drop_leaks(train, labelled_examples(30, language="de"))
    assert list(kept.rows) == list(train.rows)
    assert report["dropped"] == 0
