"""Which rows make up each batch: shuffled, bucketed by length, mixed from several streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# A window is shuffled rows that are sorted by length and cut into batches: at most so many
# batches, and at least so many windows in an epoch, so that a small set of rows does not make the
# same batches in every epoch.
_MAX_BATCHES_IN_WINDOW = 32
_WINDOWS_IN_EPOCH = 2


@dataclass(frozen=True)
class Stream:
    """Rows that are gone through in a fresh random order again and again.

    `positions`: int (n,), n >= 1, distinct, and in no other stream; `share` of each batch is drawn
    from them.
    """

    positions: np.ndarray
    share: float = 1.0


def sample_batches(
    streams: Sequence[Stream], lengths: np.ndarray, size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Endless batches of row positions (int), each with every stream's share of `size` rows.

    No batch has a row twice, and a stream gives each of its rows once before it gives one again,
    but for the order within a batch. A stream of fewer rows than its share gives all of them, once
    per batch.

    `lengths`: (rows,), the cost of each row; rows of like length meet in a batch, so that little
    of it is padding.
    """
    counts = _counts(streams, size)
    epochs = [_Epochs(s.positions, n, lengths, rng) for s, n in zip(streams, counts, strict=True)]
    lead = int(np.argmax(counts))
    while True:
        parts: list[np.ndarray] = [np.empty(0, dtype=np.int64)] * len(epochs)
        parts[lead] = epochs[lead].any_batch()
        length = float(lengths[parts[lead]].mean())
        for number, epoch in enumerate(epochs):
            if number != lead:
                parts[number] = epoch.batch_near(length)
        yield np.concatenate(parts)


def _counts(streams: Sequence[Stream], size: int) -> list[int]:
    """How many rows of each stream stand in a batch: its share, at least one, no row twice."""
    wanted = [max(1, round(size * stream.share)) for stream in streams]
    return [min(w, len(s.positions)) for w, s in zip(wanted, streams, strict=True)]


class _Epochs:
    """The batches of one stream, `count` rows each, epoch after epoch.

    Bucketing by length within shuffled windows, as the length-grouped samplers of transformers and
    fairseq do it; but what an epoch leaves over is filled up from the next, so that every batch is
    whole.
    """

    def __init__(
        self, positions: np.ndarray, count: int, lengths: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._positions = positions
        self._count = count
        self._lengths = lengths
        self._rng = rng
        in_epoch = len(positions) // count
        self._in_window = min(_MAX_BATCHES_IN_WINDOW, max(1, in_epoch // _WINDOWS_IN_EPOCH))
        self._left = positions[:0]
        self._window: list[np.ndarray] = []

    def any_batch(self) -> np.ndarray:
        """A random batch of the present window."""
        window = self._present_window()
        return window.pop(int(self._rng.integers(len(window))))

    def batch_near(self, length: float) -> np.ndarray:
        """The batch of the present window whose mean length is nearest."""
        window = self._present_window()
        distances = [abs(float(self._lengths[batch].mean()) - length) for batch in window]
        return window.pop(int(np.argmin(distances)))

    def _present_window(self) -> list[np.ndarray]:
        if not self._window and len(self._left) < self._count:
            self._window = self._begin_epoch()
        if not self._window:
            self._window = self._next_window()
        return self._window

    def _begin_epoch(self) -> list[np.ndarray]:
        """Shuffle anew; the batch that bridges two epochs, where rows of the last are left."""
        rest, fresh = self._left, self._rng.permutation(self._positions)
        if not len(rest):
            self._left = fresh
            return []
        again = np.isin(fresh, rest)
        others, missing = fresh[~again], self._count - len(rest)
        self._left = self._rng.permutation(np.concatenate([others[missing:], fresh[again]]))
        return [np.concatenate([rest, others[:missing]])]

    def _next_window(self) -> list[np.ndarray]:
        size = min(self._in_window, len(self._left) // self._count) * self._count
        drawn, self._left = self._left[:size], self._left[size:]
        by_length = drawn[np.argsort(self._lengths[drawn], kind="stable")]
        return list(by_length.reshape(-1, self._count))


def temperature_shares(sizes: Sequence[int], temperature: float) -> list[float]:
    """Shares, adding up to 1, in proportion to `sizes` to the power of 1 / `temperature` (>= 1).

    A temperature of 1 draws every row equally often; the higher it is, the more a small set is
    drawn beside a large one, up to equal shares (Arivazhagan et al., 2019, "Massively multilingual
    neural machine translation in the wild").
    """
    powers = [size ** (1.0 / temperature) for size in sizes]
    return [power / sum(powers) for power in powers]
