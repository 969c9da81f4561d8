"""Which rows make up each batch: shuffled, bucketed by length, mixed from several streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# So many batches are drawn at once and sorted by length: enough for little padding, few enough
# that the order of rows stays close to random.
_BUCKET = 32


@dataclass(frozen=True)
class Stream:
    """Rows that are gone through in a fresh random order again and again.

    `positions`: int (n,), n >= 1; `share` of each batch is drawn from them.
    """

    positions: np.ndarray
    share: float = 1.0


def batches(
    streams: Sequence[Stream], lengths: np.ndarray, size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Endless batches of row positions (int), each with every stream's share of `size` rows.

    `lengths`: (rows,), the cost of each row; rows of like length meet in a batch, so that little
    of it is padding. A stream of fewer rows than its share gives all of them, once per batch.
    """
    counts = _counts(streams, size)
    orders = [_endless(stream.positions, rng) for stream in streams]
    while True:
        chunk = [
            _bucketed(order, count, lengths) for order, count in zip(orders, counts, strict=True)
        ]
        for k in rng.permutation(_BUCKET):
            yield np.concatenate([batch[k] for batch in chunk])


def _counts(streams: Sequence[Stream], size: int) -> list[int]:
    """How many rows of each stream stand in a batch: its share, at least one, no row twice."""
    wanted = [max(1, round(size * stream.share)) for stream in streams]
    return [min(w, len(s.positions)) for w, s in zip(wanted, streams, strict=True)]


def _endless(positions: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(positions).tolist()


def _bucketed(order: Iterator[int], count: int, lengths: np.ndarray) -> np.ndarray:
    """The next `_BUCKET` batches of `count` rows (int (_BUCKET, count)), by ascending length."""
    drawn = np.array([next(order) for _ in range(_BUCKET * count)])
    by_length = drawn[np.argsort(lengths[drawn], kind="stable")]
    return by_length.reshape(_BUCKET, count)
