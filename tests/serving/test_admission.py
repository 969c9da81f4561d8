"""Who may wait, and when to come back."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import pytest

from app.domain.errors.predictions import QueueFull
from app.domain.predictions import PredictionOptions
from app.serving.admission import Admission
from tests.support.overload import Overload


def test_one_key_alone_may_fill_the_queue_and_no_more():
    admission = Admission(most_inputs=4, most_seconds=1)
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(admission.admitted(PredictionOptions("a"), 1))
        with pytest.raises(QueueFull) as full, admission.admitted(PredictionOptions("a"), 1):
            pass

    assert full.value.retry_after >= 1
    assert full.value.fields["held"] == 4
    assert admission.inputs == 0
    admission.check(PredictionOptions("a"), 4)


def test_another_key_gets_its_share_of_a_full_queue():
    admission = Admission(most_inputs=8, most_seconds=1)
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(admission.admitted(PredictionOptions("greedy"), 1))
        for _ in range(4):
            held.enter_context(admission.admitted(PredictionOptions("modest"), 1))
        for key in ("greedy", "modest"):
            with pytest.raises(QueueFull), admission.admitted(PredictionOptions(key), 1):
                pass


def test_many_keys_together_hold_at_most_twice_the_places():
    admission = Admission(most_inputs=8, most_seconds=1)
    with ExitStack() as held:
        for number in range(100):
            with suppress(QueueFull):
                for _ in range(8):
                    held.enter_context(admission.admitted(PredictionOptions(str(number)), 1))

        assert admission.inputs == 16


def test_who_holds_nothing_gets_in_with_a_large_request():
    admission = Admission(most_inputs=4, most_seconds=1)

    with admission.admitted(PredictionOptions("a"), 100), pytest.raises(QueueFull):
        admission.check(PredictionOptions("a"))


def test_no_more_is_let_in_than_is_answered_in_time():
    admission = Admission(most_inputs=1000, most_seconds=0.5)
    for _ in range(200):  # one at a time, a hundredth of a second each: a hundred in a second
        with admission.admitted(PredictionOptions("a"), 1) as learn:
            learn(0.01)

    with admission.admitted(PredictionOptions("a"), 50), pytest.raises(QueueFull) as full:
        admission.check(PredictionOptions("a"), 100)

    assert full.value.retry_after == 1


def test_the_time_to_come_back_grows_with_what_is_too_much():
    admission = Admission(most_inputs=20, most_seconds=100)
    with admission.admitted(PredictionOptions("a"), 1) as learn:
        learn(1.0)  # one input in a second

    with admission.admitted(PredictionOptions("a"), 20):
        with pytest.raises(QueueFull) as little:
            admission.check(PredictionOptions("a"), 1)
        with pytest.raises(QueueFull) as much:
            admission.check(PredictionOptions("a"), 10)

    assert (little.value.retry_after, much.value.retry_after) == (1, 10)


def test_places_are_given_back_when_the_work_fails():
    admission = Admission(most_inputs=1, most_seconds=1)
    with pytest.raises(RuntimeError), admission.admitted(PredictionOptions("a"), 1):
        raise RuntimeError

    admission.check(PredictionOptions("a"))


def test_what_could_not_be_answered_before_its_deadline_is_refused():
    admission = Admission(most_inputs=1000, most_seconds=100)
    for _ in range(200):  # a hundred in a second
        with admission.admitted(PredictionOptions("a"), 1) as learn:
            learn(0.01)

    with admission.admitted(PredictionOptions("a"), 50):
        admission.check(PredictionOptions("a", time.monotonic() + 10))
        with pytest.raises(QueueFull):
            admission.check(PredictionOptions("a", time.monotonic() + 0.5))


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
def test_what_is_let_in_comes_in_time_though_batches_differ_and_take_no_turns(spread):
    overload = Overload(spread, timeout=2.0)

    overload.run(seconds=60)

    assert overload.late <= 0.01 * overload.answered
    # The worker never ran dry: what was refused could not have been answered.
    assert overload.idle_seconds < 1
