"""The ideal batches of the bare engine, and the comparison of answers."""

from __future__ import annotations

import pytest

from app.runtimes.contract import Prepared
from benchmarks.serving.answers import compared
from benchmarks.serving.bare import batches_of


def test_a_batch_never_exceeds_its_tokens_as_padded_and_nothing_is_left_out() -> None:
    prepared = [Prepared(cost, cost) for cost in (2, 3, 3, 8, 9, 40)]
    batches = batches_of(prepared, tokens=16)
    assert [[one.cost for one in batch] for batch in batches] == [[2, 3, 3], [8], [9], [40]]


def test_answers_are_compared_by_their_likeliest_label_and_by_every_number() -> None:
    reference = [{"a": 0.6, "b": 0.4}, {"a": 0.51, "b": 0.49}]
    found = compared([{"a": 0.59, "b": 0.41}, {"a": 0.49, "b": 0.51}], reference)
    assert found["equal_labels"] == 0.5
    assert found["largest_difference"] == pytest.approx(0.02)
