"""Several processes that train one network together, and batches gone through in parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, distributed

from app.learn.callbacks import Checkpoints

if TYPE_CHECKING:
    from app.learn.callbacks import State

_PARTS: ContextVar[int] = ContextVar("parts", default=1)
# A layer that normalises over the batch needs two rows.
_MIN_ROWS = 2


class Replicas(Protocol):
    """The processes that run the same computation side by side, with the same seed.

    Each call is made by all of them, in the same order. The first, of rank 0, is the one that
    reports, keeps checkpoints and decides; what it decides the others take over.
    """

    rank: int
    size: int

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by the first process's."""

    def broadcast_bytes(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives in the first process; it is called there alone."""


class SingleProcess:
    """One process, which is the usual case."""

    rank = 0
    size = 1

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """They are the sum already."""

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """They are the first's already."""

    def broadcast_bytes(self, make: Callable[[], bytes]) -> bytes:
        """Make it here."""
        return make()


_CURRENT: ContextVar[Replicas] = ContextVar("replicas", default=SingleProcess())  # noqa: B039 (no state)


@contextmanager
def use_replicas(replicas: Replicas) -> Iterator[None]:
    """Within the block every stage of training is shared among the processes.

    Like the parts of a batch it is the machines' affair and not a method's, so no method passes
    it on.
    """
    token = _CURRENT.set(replicas)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_replicas() -> Replicas:
    """Among whom training is shared at the moment."""
    return _CURRENT.get()


def process_group_replicas() -> Replicas:
    """Those of the process group that has been set up around us; alone where there is none."""
    if distributed.is_available() and distributed.is_initialized():
        return ProcessGroup()
    return SingleProcess()


class ProcessGroup:
    """All processes of the default group, which must be able to carry tensors of the CPU."""

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()

    def all_reduce(self, tensors: Sequence[Tensor]) -> None:
        """Sum in place, all tensors under way at once; every process gets the same bits."""
        sums = [tensor.contiguous() for tensor in tensors]
        for work in [distributed.all_reduce(each, async_op=True) for each in sums]:
            work.wait()
        for tensor, each in zip(tensors, sums, strict=True):
            if tensor is not each:
                tensor.copy_(each)

    @torch.no_grad()
    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite in place."""
        for tensor in tensors:
            sent = tensor.detach().contiguous()
            distributed.broadcast(sent, src=0)
            tensor.copy_(sent)

    def broadcast_bytes(self, make: Callable[[], bytes]) -> bytes:
        """Carried as bytes, so that nothing is pickled."""
        payload = make() if self.rank == 0 else b""
        length = torch.tensor([len(payload)])
        self.broadcast([length])
        buffer = torch.empty(int(length), dtype=torch.uint8)
        if self.rank == 0:
            buffer = torch.frombuffer(bytearray(payload), dtype=torch.uint8) if payload else buffer
        self.broadcast([buffer])
        return buffer.numpy().tobytes()


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

    Each part comes with its weight: 1, or, in a batch too small to be shared, which all replicas
    then go through as a whole, 1 / the number of replicas.
    """
    replicas = current_replicas()
    shared = len(chosen) >= _MIN_ROWS * replicas.size
    # Batches are sorted by length: every n-th row gives each process as much to do.
    own = chosen[replicas.rank :: replicas.size] if shared else chosen
    parts = max(1, min(_PARTS.get(), len(own) // _MIN_ROWS))
    weight = 1.0 if shared else 1.0 / replicas.size
    return [(part, weight) for part in np.array_split(own, parts)]


class RankZeroCheckpoints:
    """What rank 0 of the present replicas has kept: it alone reads and writes `parent`."""

    def __init__(self, parent: Checkpoints) -> None:
        self._parent = parent
        self._replicas = current_replicas()

    def load(self, name: str) -> State | None:
        """As rank 0 reads it; every process has to ask."""
        if self._replicas.size == 1:
            return self._parent.load(name)
        tensors: bytes = b""

        def facts_first() -> bytes:
            nonlocal tensors
            state = self._parent.load(name)
            if state is None:
                return b""
            tensors = save({key: t.contiguous() for key, t in state[0].items()})
            return json.dumps(state[1]).encode()

        facts = self._replicas.broadcast_bytes(facts_first)
        tensors = self._replicas.broadcast_bytes(lambda: tensors)
        return (load(tensors), json.loads(facts)) if facts else None

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """In rank 0 alone."""
        if self._replicas.rank == 0:
            self._parent.save(name, tensors, facts)

    def due(self) -> bool:
        """When rank 0 wants to save; the others never do."""
        return self._replicas.rank == 0 and self._parent.due()
