"""Checkpoints that the first of several processes keeps for all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors.torch import load, save
from torch import Tensor

from app.learn.checkpoints import Checkpoints
from app.learn.replicas import present_replicas

if TYPE_CHECKING:
    from app.learn.checkpoints import State


class FirstCheckpoints:
    """What rank 0 of the present replicas has kept: it alone reads and writes `whole`."""

    def __init__(self, whole: Checkpoints) -> None:
        self._whole = whole
        self._replicas = present_replicas()

    def load(self, name: str) -> State | None:
        """As rank 0 reads it; every process has to ask."""
        if self._replicas.size == 1:
            return self._whole.load(name)
        tensors: bytes = b""

        def facts_first() -> bytes:
            nonlocal tensors
            state = self._whole.load(name)
            if state is None:
                return b""
            tensors = save({key: t.contiguous() for key, t in state[0].items()})
            return json.dumps(state[1]).encode()

        facts = self._replicas.from_first(facts_first)
        tensors = self._replicas.from_first(lambda: tensors)
        return (load(tensors), json.loads(facts)) if facts else None

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """In rank 0 alone."""
        if self._replicas.rank == 0:
            self._whole.save(name, tensors, facts)

    def due(self) -> bool:
        """When rank 0 wants to save; the others never do."""
        return self._replicas.rank == 0 and self._whole.due()
