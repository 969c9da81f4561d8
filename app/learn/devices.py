"""The device, the precision and the seed of a computation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch


def best_device() -> torch.device:
    """The first GPU where there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision in bfloat16 on a GPU; plain float32 on the CPU, where runs must repeat."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def seeded(seed: int) -> Iterator[torch.Generator]:
    """Torch's global draws (dropout, fresh weights) follow `seed` inside; afterwards as before.

    The generator given is a CPU generator of its own, for the order of batches and the like.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)
