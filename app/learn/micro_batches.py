"""Batches gone through in parts: where memory is too short for a whole one, or by several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from app.learn.replicas import present_replicas

_PARTS: ContextVar[int] = ContextVar("parts", default=1)
# A layer that normalises over the batch needs two rows.
_LEAST_ROWS = 2


@contextmanager
def micro_batches(parts: int) -> Iterator[None]:
    """Within the block every training batch is cut into up to `parts`; gradients add up.

    It is the machine's affair and not a method's, so no method passes it on.
    """
    token = _PARTS.set(parts)
    try:
        yield
    finally:
        _PARTS.reset(token)


def parts_of(chosen: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """What this process goes through of a batch of row positions (int (n,)), part by part.

    Each part comes with how often it counts: once, or, in a batch too small to be shared among
    the replicas, which then all go through the whole of it, as one of so many.
    """
    replicas = present_replicas()
    shared = len(chosen) >= _LEAST_ROWS * replicas.size
    # Batches are sorted by length: every so-manieth row gives each process as much to do.
    mine = chosen[replicas.rank :: replicas.size] if shared else chosen
    parts = max(1, min(_PARTS.get(), len(mine) // _LEAST_ROWS))
    counts = 1.0 if shared else 1.0 / replicas.size
    return [(part, counts) for part in np.array_split(mine, parts)]
