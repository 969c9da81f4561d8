"""What a runtime answers to many rows, long ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.domain.predictions import MOST_WINDOWS, Window, WindowPool
from app.learn.tasks.single_label import SingleLabel
from app.runtimes.contract import Prepared
from app.services.predict_batch import predict_all


class Letters:
    """A runtime that reads one word of a text, and answers how many of its letters are `a`."""

    engine, precision, size_bytes = "torch", "float32", 1

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        return [Prepared(len(one), one.split()[0], " " in one) for one in inputs]

    def windows(self, text: str, stride: int) -> list[str]:
        return text.split()

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        shares = [one.content.count("a") / len(one.content) for one in batch]
        return [np.array([share, 1 - share], np.float32) for share in shares]


_TEXTS = ["bbbb aaaa aaaa", "ab", " ".join(["a"] * 70)]


def test_rows_are_cut_without_a_window() -> None:
    answers, reading = predict_all(Letters(), SingleLabel(("a", "b")), _TEXTS)
    np.testing.assert_allclose(answers[:, 0], [0, 0.5, 1])
    assert (reading.truncated, reading.windows) == ([True, False, True], [1, 1, 1])


@pytest.mark.parametrize(("pool", "share"), [(WindowPool.MEAN, 2 / 3), (WindowPool.MAX, 0.5)])
def test_rows_are_read_in_windows_up_to_the_most(pool: WindowPool, share: float) -> None:
    window = Window(pool)
    answers, reading = predict_all(Letters(), SingleLabel(("a", "b")), _TEXTS, window)
    np.testing.assert_allclose(answers[:2, 0], [share, 0.5], rtol=1e-6)
    assert reading.truncated == [False, False, True]
    assert reading.windows == [3, 1, MOST_WINDOWS]
