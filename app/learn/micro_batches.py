"""Batches gone through in parts, for a machine whose memory is too short for a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

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
    """A batch of row positions (int (n,)) in parts, each with its share of the rows."""
    parts = max(1, min(_PARTS.get(), len(chosen) // _LEAST_ROWS))
    return [(part, len(part) / len(chosen)) for part in np.array_split(chosen, parts)]
