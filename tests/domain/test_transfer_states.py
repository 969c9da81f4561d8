"""The state machine of a transfer."""

from __future__ import annotations

from app.domain.transfer_states import TransferState, is_final, may_move


def test_only_running_and_cancelled_follow_queued() -> None:
    follow = {after for after in TransferState if may_move(TransferState.QUEUED, after)}
    assert follow == {TransferState.RUNNING, TransferState.CANCELLED}


def test_a_running_transfer_ends_or_returns_to_the_queue() -> None:
    follow = {after for after in TransferState if may_move(TransferState.RUNNING, after)}
    assert follow == set(TransferState) - {TransferState.RUNNING}


def test_nothing_follows_a_final_state() -> None:
    final = {TransferState.SUCCEEDED, TransferState.FAILED, TransferState.CANCELLED}
    assert {state for state in TransferState if is_final(state)} == final
    assert not any(may_move(before, after) for before in final for after in TransferState)
