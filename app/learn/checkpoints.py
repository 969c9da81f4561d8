"""Where a long computation keeps its state, so that another attempt can go on from there."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Checkpoints(Protocol):
    """The last saved state of each named part of a computation."""

    def load(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors by name and JSON facts, as last saved; None where nothing was."""

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the state of `name`, whole or not at all."""
