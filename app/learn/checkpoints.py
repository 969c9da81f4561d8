"""Where a long computation keeps its state, so that another attempt can go on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    State = tuple[dict[str, Tensor], dict[str, Any]]


class Checkpoints(Protocol):
    """The last saved state of each named part of a computation."""

    def load(self, name: str) -> State | None:
        """Tensors by name and JSON facts, as last saved; None where nothing was."""

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the state of `name`, whole or not at all."""

    def due(self) -> bool:
        """Whether it is time to save again a state that changes all the time."""


class NoCheckpoints:
    """Keeps nothing: a computation that was interrupted starts anew."""

    def load(self, name: str) -> State | None:
        """Nothing was kept."""
        return None

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Do nothing."""

    def due(self) -> bool:
        """Never."""
        return False


class CheckpointsWithin:
    """The part of `whole` whose names begin with `prefix`, for one stage or round of several."""

    def __init__(self, whole: Checkpoints, prefix: str) -> None:
        self._whole = whole
        self._prefix = prefix

    def load(self, name: str) -> State | None:
        """As last saved within this part."""
        return self._whole.load(f"{self._prefix}-{name}")

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the state of `name` within this part."""
        self._whole.save(f"{self._prefix}-{name}", tensors, facts)

    def due(self) -> bool:
        """As the whole says."""
        return self._whole.due()
