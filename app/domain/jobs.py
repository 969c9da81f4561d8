"""A job's life: its states, its attempts and history, and what may be asked of a running one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 300.0


class JobState(StrEnum):
    """Where a job stands; of all kinds, only transfers can be paused."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StopRequest(StrEnum):
    """What somebody asked of a running job; its holder reads it and stops."""

    CANCEL = "cancel"
    PAUSE = "pause"


class AttemptOutcome(StrEnum):
    """How one attempt of a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    HANDED_BACK = "handed-back"  # its worker stopped, or it gave way to another job
    DIED = "died"  # its process ended without a result
    LOST = "lost"  # its worker was not heard of until the lease ran out


@dataclass(frozen=True)
class Job:
    """A running job as its holder knows it; `attempt` is the fencing token.

    `kind` is the name of a kind of jobs. `process_group` is its child's, once that is noted.
    """

    id: str
    kind: str
    attempt: int
    worker: str
    process_group: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a running job is: `phase` names the work, `eta_seconds` counts all of it."""

    phase: str
    fraction: float
    eta_seconds: float | None = None


@dataclass(frozen=True)
class JobAttempt:
    """One attempt of a job; `outcome` is None while it runs.

    `failure` is the error's `as_dict()` of an attempt that failed or whose process died.
    """

    job_id: str
    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    failure: dict[str, Any] | None = None


@dataclass(frozen=True)
class JobEvent:
    """One line of a job's history; `sequence` counts from 1 within the job."""

    job_id: str
    sequence: int
    kind: str
    data: dict[str, Any]
    at: datetime


# A running job returns to the queue when its attempt was lost; one that failed or was cancelled
# when somebody wants it tried again.
_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.PAUSED, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {
            JobState.QUEUED,
            JobState.PAUSED,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.PAUSED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}
_FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
UNFINISHED = tuple(state for state in JobState if state not in _FINAL)


def can_transition(before: JobState, after: JobState) -> bool:
    """Whether a job in state `before` may be put into state `after`."""
    return after in _TRANSITIONS[before]


def is_final(state: JobState) -> bool:
    """Whether nothing more happens to a job in this state unless it is tried again."""
    return state in _FINAL


def wait_before_retry(lost: int) -> float:
    """Seconds to wait after the attempt lost as number `lost` (1, 2, ...) in a row.

    The first loss waits for nothing: most often a machine was switched off or restarted. Each
    further one waits twice as long, so that a job which ends every process does not keep the
    workers busy.
    """
    if lost <= 1:
        return 0.0
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(lost - 2, 30)))
