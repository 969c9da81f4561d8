"""The state machine of a transfer, and what people may wish of a running one."""

from __future__ import annotations

from enum import StrEnum


class TransferState(StrEnum):
    """Where a transfer stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Wish(StrEnum):
    """What somebody asked of a running transfer; its holder hears of it and obeys."""

    CANCEL = "cancel"
    PAUSE = "pause"


class AttemptOutcome(StrEnum):
    """How one attempt of a transfer ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    HANDED_BACK = "handed-back"  # its worker stopped
    DIED = "died"  # its process ended without a result
    LOST = "lost"  # its worker was not heard of until the lease ran out


# A running transfer returns to the queue when its attempt was lost; one that failed or was
# cancelled when somebody wants it tried again.
_MOVES: dict[TransferState, frozenset[TransferState]] = {
    TransferState.QUEUED: frozenset(
        {TransferState.RUNNING, TransferState.PAUSED, TransferState.CANCELLED}
    ),
    TransferState.RUNNING: frozenset(
        {
            TransferState.QUEUED,
            TransferState.PAUSED,
            TransferState.SUCCEEDED,
            TransferState.FAILED,
            TransferState.CANCELLED,
        }
    ),
    TransferState.PAUSED: frozenset({TransferState.QUEUED, TransferState.CANCELLED}),
    TransferState.SUCCEEDED: frozenset(),
    TransferState.FAILED: frozenset({TransferState.QUEUED}),
    TransferState.CANCELLED: frozenset({TransferState.QUEUED}),
}
_FINAL = frozenset({TransferState.SUCCEEDED, TransferState.FAILED, TransferState.CANCELLED})


def may_move(before: TransferState, after: TransferState) -> bool:
    """Whether a transfer in state `before` may be put into state `after`."""
    return after in _MOVES[before]


def is_final(state: TransferState) -> bool:
    """Whether nothing more happens to a transfer in this state unless it is tried again."""
    return state in _FINAL
