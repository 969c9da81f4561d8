"""What an engine is: where a callable runs, and nothing of what it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class JobSpec:
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


class RunningJob(Protocol):
    """A process of this machine that carries out a job, or drives it elsewhere."""

    @property
    def group(self) -> int:
        """The operating system's process group of the child and all that it starts here.

        When the group dies, the job ends, wherever it is carried out.
        """

    def poll(self) -> int | None:
        """The exit code, minus a signal's number when one ended it, or None while it runs.

        A connection that was lost to where the job is carried out is its end like any other.
        """

    def died_of_memory(self) -> bool:
        """Whether the child is known to have been ended because memory ran out."""

    def stop(self, grace: float) -> None:
        """End the job: gently, and after `grace` seconds by force.

        Returns when the child is gone; on one that has ended, it clears away what that left.
        """


class Engine(Protocol):
    """Starts jobs."""

    def start(self, spec: JobSpec) -> RunningJob:
        """Begin to carry out the job; returns at once."""
