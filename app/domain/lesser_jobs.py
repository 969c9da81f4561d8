"""The LesserJob: work that a worker does when no transfer waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """Where a lesser job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


def is_over(state: JobState) -> bool:
    """Whether nothing more happens to a job in this state."""
    return state not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class LesserJob:
    """A lesser job as its holder knows it: the key of its row, and which attempt it is.

    One that was found held also has its `worker`, and its child's group where that is noted.
    """

    id: str
    attempt: int
    worker: str | None = None
    process_group: int | None = None
