"""The order of batches."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.learn.data.batch_sampler import Stream, sample_batches

_SIZES = st.lists(st.integers(1, 70), min_size=1, max_size=3)


def _draw(
    streams: list[Stream], lengths: np.ndarray, size: int, count: int, seed: int = 0
) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(islice(sample_batches(streams, lengths, size, rng), count))


def _streams(sizes: list[int], seed: int) -> tuple[list[Stream], np.ndarray]:
    """Disjoint streams of so many rows with random shares, and unlike lengths of all rows."""
    random = np.random.default_rng(seed)
    rows, ends = random.permutation(sum(sizes)), np.cumsum(sizes)
    shares = random.dirichlet(np.ones(len(sizes)))
    parts = np.split(rows, ends[:-1])
    lengths = random.integers(1, random.integers(2, 300), len(rows))
    return [Stream(p, float(s)) for p, s in zip(parts, shares, strict=True)], lengths


@settings(max_examples=150, deadline=None)
@given(_SIZES, st.integers(1, 40), st.integers(0, 2**16))
def test_no_row_is_twice_in_a_batch_and_each_is_met_once_an_epoch(
    sizes: list[int], size: int, seed: int
) -> None:
    streams, lengths = _streams(sizes, seed)
    drawn = _draw(streams, lengths, size, 3 * max(sizes) + 2, seed)
    for batch in drawn:
        assert len(set(batch.tolist())) == len(batch)
    for stream in streams:
        met = np.concatenate([batch[np.isin(batch, stream.positions)] for batch in drawn])
        for epoch in range(len(met) // len(stream.positions)):
            start = epoch * len(stream.positions)
            once = met[start : start + len(stream.positions)]
            assert sorted(once) == sorted(stream.positions)


@settings(max_examples=50, deadline=None)
@given(_SIZES, st.integers(1, 40), st.integers(0, 2**16))
def test_every_batch_has_as_many_rows_of_each_stream(
    sizes: list[int], size: int, seed: int
) -> None:
    streams, lengths = _streams(sizes, seed)
    for batch in _draw(streams, lengths, size, 60):
        for stream in streams:
            wanted = max(1, round(size * stream.share))
            here = np.count_nonzero(np.isin(batch, stream.positions))
            assert here == min(wanted, len(stream.positions))


def test_few_rows_make_other_batches_in_every_epoch() -> None:
    drawn = _draw([Stream(np.arange(32))], np.arange(32), 16, 20)
    assert len({tuple(sorted(batch)) for batch in drawn}) == 20


def test_rows_of_like_length_meet() -> None:
    lengths = np.random.default_rng(1).integers(1, 200, 2000)
    drawn = _draw([Stream(np.arange(2000))], lengths, 16, 60)
    inside = np.mean([np.ptp(lengths[batch]) for batch in drawn])
    assert inside < 20


def test_rows_of_like_length_meet_across_streams() -> None:
    lengths = np.random.default_rng(1).integers(1, 200, 1400)
    streams = [Stream(np.arange(700), 0.25), Stream(np.arange(700, 1400), 0.75)]
    inside = np.mean([np.ptp(lengths[batch]) for batch in _draw(streams, lengths, 16, 60)])
    assert inside < 60


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
