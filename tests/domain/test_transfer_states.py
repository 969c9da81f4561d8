"""The state machine of a transfer."""

from __future__ import annotations

from app.domain.transfer_states import TransferState, is_final, may_move

FINAL = {TransferState.SUCCEEDED, TransferState.FAILED, TransferState.CANCELLED}


def test_a_queued_transfer_is_started_paused_or_cancelled() -> None:
    assert _after(TransferState.QUEUED) == {
        TransferState.RUNNING,
        TransferState.PAUSED,
        TransferState.CANCELLED,
    }


def test_a_running_transfer_ends_rests_or_returns_to_the_queue() -> None:
    assert _after(TransferState.RUNNING) == set(TransferState) - {TransferState.RUNNING}


def test_a_paused_transfer_is_resumed_or_cancelled() -> None:
    assert _after(TransferState.PAUSED) == {TransferState.QUEUED, TransferState.CANCELLED}


def test_what_ended_without_success_can_be_tried_again_and_nothing_else_follows_an_end() -> None:
    assert {state for state in TransferState if is_final(state)} == FINAL
    assert _after(TransferState.SUCCEEDED) == set()
    for state in (TransferState.FAILED, TransferState.CANCELLED):
        assert _after(state) == {TransferState.QUEUED}


def _after(before: TransferState) -> set[TransferState]:
    return {after for after in TransferState if may_move(before, after)}
