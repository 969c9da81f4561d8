"""Several processes that train one network together, each on its share of every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from torch import Tensor


class Replicas(Protocol):
    """The processes that run the same computation side by side, with the same seed.

    Each call is made by all of them, in the same order. The first, of rank 0, is the one that
    reports, keeps checkpoints and decides; what it decides the others take over.
    """

    rank: int
    size: int

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""

    def spread(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by the first process's."""

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives in the first process; it is called there alone."""


class Alone:
    """One process, which is the usual case."""

    rank = 0
    size = 1

    def add(self, tensors: Sequence[Tensor]) -> None:
        """They are the sum already."""

    def spread(self, tensors: Sequence[Tensor]) -> None:
        """They are the first's already."""

    def from_first(self, make: Callable[[], bytes]) -> bytes:
        """Make it here."""
        return make()


_PRESENT: ContextVar[Replicas] = ContextVar("replicas", default=Alone())  # noqa: B039 (no state)


@contextmanager
def training_among(replicas: Replicas) -> Iterator[None]:
    """Within the block every stage of training is shared among the processes.

    Like the parts of a batch it is the machines' affair and not a method's, so no method passes
    it on.
    """
    token = _PRESENT.set(replicas)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def present_replicas() -> Replicas:
    """Among whom training is shared at the moment."""
    return _PRESENT.get()
