"""Batches computed side by side, on a runtime that stops where the test says."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from app.domain.enums import Format, Task
from app.domain.models import ModelFacts, Servable, TextInput
from app.runtimes.contract import Prepared
from app.serving.batcher import BatchCost
from app.serving.executor import BatchExecutor, ExecutorLimits
from app.serving.messages import Expired, Failure, PredictReply
from app.serving.model_cache import CachedModel

_TIMEOUT_SECONDS = 20.0


class Gated:
    """A runtime whose every batch waits for `gate`; its answer is the number of each input."""

    engine, precision, size_bytes = "torch", "float32", 1

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.began: queue.Queue[tuple[list[Any], int]] = queue.Queue()
        self.threads: list[str] = []

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        return [Prepared(8, one) for one in inputs]

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        contents = [one.content for one in batch]
        self.threads.append(threading.current_thread().name)
        self.began.put((contents, threads))
        assert self.gate.acquire(timeout=_TIMEOUT_SECONDS)
        if "bad" in contents:
            raise ValueError("it fails")
        return [np.array([one], np.float32) for one in contents]


class Bench:
    """An executor, one gated model, and what it answered."""

    def __init__(self, workers: int) -> None:
        self.runtime = Gated()
        self.replies: queue.Queue[tuple[int, Any]] = queue.Queue()
        facts = ModelFacts(
            Format.HUGGINGFACE, Task.TEXT_CLASSIFICATION, ("a",), TextInput(64), "x", 1
        )
        servable = Servable("mdl_1", "m", 1, "0" * 64, facts)
        self.loaded = CachedModel(servable, self.runtime, BatchCost(start=3600.0))
        limits = ExecutorLimits(workers, 1, 4, batch_tokens=1024, age_seconds=0.1)
        self.executor = BatchExecutor(
            limits, lambda replies: [self.replies.put(one) for one in replies]
        )

    def ask(self, number: int, *inputs: Any, deadline: float | None = None) -> None:
        self.executor.expect(number, len(inputs))
        rows = [[one] for one in self.runtime.prepare(inputs)]
        self.executor.add(self.loaded, number, rows, deadline)

    def began(self) -> tuple[list[Any], int]:
        return self.runtime.began.get(timeout=_TIMEOUT_SECONDS)

    def reply(self) -> tuple[int, Any]:
        return self.replies.get(timeout=_TIMEOUT_SECONDS)


@pytest.fixture
def bench() -> Bench:
    return Bench(workers=1)


def test_what_arrives_while_the_worker_is_busy_goes_next_and_together(bench):
    bench.ask(0, 10)
    assert bench.began() == ([10], 4)
    for number in (1, 2, 3):
        bench.ask(number, 10 + number)
    bench.runtime.gate.release(2)

    together, threads = bench.began()

    assert sorted(together) == [11, 12, 13]
    assert threads == 4  # nothing else waits or is computed
    assert sorted(bench.reply()[0] for _ in range(4)) == [0, 1, 2, 3]


def test_two_workers_compute_side_by_side_on_their_own_processor():
    bench = Bench(workers=2)
    bench.ask(0, 1)
    assert bench.began() == ([1], 4)
    bench.ask(1, 2)

    assert bench.began() == ([2], 1)
    bench.runtime.gate.release(2)


def test_what_comes_one_by_one_is_always_computed_by_the_first_worker():
    bench = Bench(workers=3)
    bench.runtime.gate.release(10)
    for number in range(10):
        bench.ask(number, number)
        assert bench.began() == ([number], 4)
        bench.reply()

    assert set(bench.runtime.threads) == {"worker-0"}


def test_a_model_that_several_processors_slow_down_is_computed_on_one_for_a_while(bench):
    bench.runtime.gate.release(102)
    bench.loaded.cost = BatchCost(start=1e-12, per_token=1e-12)  # nothing is as quick
    bench.ask(0, 0)
    assert bench.began()[1] == 4
    bench.reply()
    threads = []
    for number in range(1, 101):
        bench.ask(number, number)
        threads.append(bench.began()[1])
        bench.reply()

    assert threads == [1] * 99 + [4]


def test_a_request_of_many_inputs_is_answered_in_their_order(bench):
    bench.ask(7, *range(20))
    bench.runtime.gate.release(20)

    number, reply = bench.reply()

    assert number == 7
    assert isinstance(reply, PredictReply)
    assert [float(one[0]) for one in reply.probabilities] == list(map(float, range(20)))
    assert reply.batch.inputs <= 20
    assert reply.batch.waited_seconds >= 0


def test_what_expired_never_reaches_the_runtime(bench):
    bench.ask(0, 1)
    bench.began()
    bench.ask(1, 2, 3, deadline=time.monotonic() - 1)
    bench.ask(2, 4)
    bench.runtime.gate.release(2)

    assert bench.began() == ([4], 4)
    replies = dict(bench.reply() for _ in range(3))
    assert isinstance(replies[1], Expired)
    assert isinstance(replies[2], PredictReply)


def test_what_was_dropped_never_reaches_the_runtime_and_gets_no_answer(bench):
    bench.ask(0, 1)
    bench.began()
    bench.ask(1, 2)
    bench.executor.drop(1)
    bench.ask(2, 4)
    bench.runtime.gate.release(2)

    assert bench.began() == ([4], 4)
    assert [bench.reply()[0] for _ in range(2)] == [0, 2]
    assert bench.executor.waiting() == (0, 0)


def test_an_input_that_fails_does_not_fail_its_batch(bench):
    bench.ask(0, 1)
    bench.began()
    bench.ask(1, "bad")
    bench.ask(2, 5)
    bench.runtime.gate.release(5)

    replies = dict(bench.reply() for _ in range(3))

    assert isinstance(replies[1], Failure)
    assert "it fails" in replies[1].reason
    assert isinstance(replies[2], PredictReply)


def test_what_waits_is_counted(bench):
    bench.ask(0, 1)
    bench.began()
    bench.ask(1, 2, 3)

    assert bench.executor.waiting() == (2, 16)
    bench.runtime.gate.release(2)
