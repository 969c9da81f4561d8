"""One seed for everything that a computation draws, without a trace left outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[torch.Generator]:
    """Torch's global draws (dropout, fresh weights) follow `seed` inside; afterwards as before.

    The generator given is a CPU generator of its own, for the order of batches and the like.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)
