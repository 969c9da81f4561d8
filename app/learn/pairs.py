"""Pairs of texts that mean the same in two languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pairs:
    """Sentence pairs or word pairs: `source[i]` is translated by `target[i]`."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise ValueError("pairs need as many sources as targets")

    def __len__(self) -> int:
        return len(self.source)

    def take(self, positions: list[int]) -> Pairs:
        """The pairs at `positions`, in that order."""
        return Pairs(
            tuple(self.source[i] for i in positions), tuple(self.target[i] for i in positions)
        )
