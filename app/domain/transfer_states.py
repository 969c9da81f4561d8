"""The state machine of a transfer: queued -> running -> succeeded | failed | cancelled."""

from __future__ import annotations

from enum import StrEnum


class TransferState(StrEnum):
    """Where a transfer stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


# A running transfer returns to the queue when its worker's lease ran out.
_MOVES: dict[TransferState, frozenset[TransferState]] = {
    TransferState.QUEUED: frozenset({TransferState.RUNNING, TransferState.CANCELLED}),
    TransferState.RUNNING: frozenset(
        {
            TransferState.QUEUED,
            TransferState.SUCCEEDED,
            TransferState.FAILED,
            TransferState.CANCELLED,
        }
    ),
    TransferState.SUCCEEDED: frozenset(),
    TransferState.FAILED: frozenset(),
    TransferState.CANCELLED: frozenset(),
}


def may_move(before: TransferState, after: TransferState) -> bool:
    """Whether a transfer in state `before` may be put into state `after`."""
    return after in _MOVES[before]


def is_final(state: TransferState) -> bool:
    """Whether nothing can happen to a transfer in this state any more."""
    return not _MOVES[state]
