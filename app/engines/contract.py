"""What an engine is: where a callable runs, and nothing of what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Order:
    """A callable to run in a process of its own.

    `target` is `package.module:function`, `arguments` its keyword arguments (plain JSON),
    `label` a word by which the process is known again, and `log` the file that takes what it
    prints. `environment` is laid over this process's own.
    """

    target: str
    arguments: dict[str, Any]
    label: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)


class Running(Protocol):
    """A process of this machine that carries out an order, or sees to it that another does."""

    @property
    def group(self) -> int:
        """The operating system's process group of the child and all that it starts here.

        When the group dies, the order ends, wherever it is carried out.
        """

    def poll(self) -> int | None:
        """The exit code, minus a signal's number when one ended it, or None while it runs.

        A connection that was lost to where the order is carried out is its end like any other.
        """

    def died_of_memory(self) -> bool:
        """Whether the child is known to have been ended because memory ran out."""

    def stop(self, grace: float) -> None:
        """End the order: gently, and after `grace` seconds by force.

        Returns when the child is gone; on one that has ended, it clears away what that left.
        """


class Engine(Protocol):
    """Starts orders."""

    def start(self, order: Order) -> Running:
        """Begin to carry out the order; returns at once."""
