"""The order of batches."""

from __future__ import annotations

from itertools import islice

import numpy as np

from app.learn.batches import Stream, batches


def _draw(streams: list[Stream], lengths: np.ndarray, size: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return list(islice(batches(streams, lengths, size, rng), count))


def test_every_row_is_met_equally_often() -> None:
    drawn = _draw([Stream(np.arange(64))], np.ones(64), 4, 32)
    assert np.bincount(np.concatenate(drawn), minlength=64).tolist() == [2] * 64


def test_rows_of_like_length_meet() -> None:
    lengths = np.random.default_rng(1).integers(1, 200, 2000)
    drawn = _draw([Stream(np.arange(2000))], lengths, 16, 60)
    inside = np.mean([np.ptp(lengths[batch]) for batch in drawn])
    assert inside < 20


def test_lengths_come_in_no_order() -> None:
    lengths = np.arange(2048)
    means = [lengths[batch].mean() for batch in _draw([Stream(lengths)], lengths, 16, 32)]
    assert means != sorted(means)


def test_each_stream_has_its_share_of_every_batch() -> None:
    streams = [Stream(np.arange(10), 0.25), Stream(np.arange(10, 500), 0.75)]
    for batch in _draw(streams, np.ones(500), 16, 40):
        assert np.count_nonzero(batch < 10) == 4
        assert len(batch) == 16


def test_a_stream_smaller_than_its_share_gives_each_row_once() -> None:
    for batch in _draw([Stream(np.arange(3))], np.ones(3), 64, 10):
        assert sorted(batch.tolist()) == [0, 1, 2]
