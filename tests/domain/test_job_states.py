"""The state machine of a job."""

from __future__ import annotations

from app.domain.jobs import JobState, can_transition, is_final

FINAL = {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


def test_a_queued_job_is_started_paused_or_cancelled() -> None:
    assert _after(JobState.QUEUED) == {
        JobState.RUNNING,
        JobState.PAUSED,
        JobState.CANCELLED,
    }


def test_a_running_job_ends_rests_or_returns_to_the_queue() -> None:
    assert _after(JobState.RUNNING) == set(JobState) - {JobState.RUNNING}


def test_a_paused_job_is_resumed_or_cancelled() -> None:
    assert _after(JobState.PAUSED) == {JobState.QUEUED, JobState.CANCELLED}


def test_what_ended_without_success_can_be_tried_again_and_nothing_else_follows_an_end() -> None:
    assert {state for state in JobState if is_final(state)} == FINAL
    assert _after(JobState.SUCCEEDED) == set()
    for state in (JobState.FAILED, JobState.CANCELLED):
        assert _after(state) == {JobState.QUEUED}


def _after(before: JobState) -> set[JobState]:
    return {after for after in JobState if can_transition(before, after)}
