"""What nobody waits for any more is never tokenised, and long requests take turns."""

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
from app.domain.predictions import MOST_WINDOWS, Window
from app.runtimes.contract import Prepared
from app.serving.executor import BatchExecutor, ExecutorLimits, RequestTokenizer
from app.serving.messages import Expired, Failure, PredictReply, PredictRequest, WindowsExceeded
from app.serving.model_cache import CachedModel

_TIMEOUT_SECONDS = 20.0
_LONG = 250


class Counting:
    """A runtime that waits for `gate` before each part that it tokenises, and counts inputs."""

    engine, precision, size_bytes = "torch", "float32", 1

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.tokenised: list[Any] = []
        self.began: queue.Queue[list[Any]] = queue.Queue()

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        self.began.put(list(inputs))
        assert self.gate.acquire(timeout=_TIMEOUT_SECONDS)
        self.tokenised += inputs
        if "bad" in inputs:
            raise ValueError("no text")
        return [Prepared(8, one, "|" in str(one)) for one in inputs]

    def windows(self, text: str, stride: int) -> list[str]:
        return text.split("|")

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        return [np.array([one.content], np.float32) for one in batch]


class Bench:
    """The way of requests from their arrival to their answers."""

    def __init__(self) -> None:
        self.runtime = Counting()
        self.replies: queue.Queue[tuple[int, Any]] = queue.Queue()
        facts = ModelFacts(
            Format.HUGGINGFACE, Task.TEXT_CLASSIFICATION, ("a",), TextInput(64), "x", 1
        )
        self.servable = Servable("mdl_1", "m", 1, "0" * 64, facts)
        self.loaded = CachedModel(self.servable, self.runtime)
        limits = ExecutorLimits(1, 1, 1, batch_tokens=1024, age_seconds=0.1)
        self.executor = BatchExecutor(limits, self._send)
        self.tokenizer = RequestTokenizer(self.executor, self._send, most_windows=_LONG)

    def ask(
        self,
        number: int,
        inputs: list[Any],
        deadline: float | None = None,
        window: Window | None = None,
    ) -> None:
        self.executor.expect(number, len(inputs), lambda rows: sum(rows) / len(rows))
        self.tokenizer.add(
            self.loaded, number, PredictRequest(self.servable, inputs, deadline, window)
        )

    def reply(self) -> tuple[int, Any]:
        return self.replies.get(timeout=_TIMEOUT_SECONDS)

    def _send(self, replies: list[tuple[int, Any]]) -> None:
        for one in replies:
            self.replies.put(one)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_forty_long_requests_that_were_cut_cost_one_part(bench: Bench) -> None:
    for number in range(40):
        bench.ask(number, [number] * _LONG)
    first = bench.runtime.began.get(timeout=_TIMEOUT_SECONDS)
    bench.ask(99, [7.0])
    for number in range(40):
        bench.executor.drop(number)
    bench.runtime.gate.release(1000)

    number, answer = bench.reply()
    assert number == 99
    assert [one.tolist() for one in answer.probabilities] == [[7.0]]
    assert bench.runtime.tokenised == [*first, 7.0]


def test_a_short_request_waits_for_one_part_of_a_long_one(bench: Bench) -> None:
    bench.ask(0, list(range(_LONG)))
    first = bench.runtime.began.get(timeout=_TIMEOUT_SECONDS)
    bench.ask(1, [1000])
    bench.runtime.gate.release(2)
    assert bench.reply()[0] == 1
    assert bench.runtime.tokenised[: len(first) + 1] == [*first, 1000]

    bench.runtime.gate.release(1000)
    number, answer = bench.reply()
    assert number == 0
    assert isinstance(answer, PredictReply)
    assert [one.item() for one in answer.probabilities] == list(range(_LONG))


def test_what_is_too_late_is_not_tokenised(bench: Bench) -> None:
    bench.ask(0, [1, 2], deadline=time.monotonic() - 1)
    assert bench.reply() == (0, Expired())
    assert bench.runtime.tokenised == []


def test_a_request_that_cannot_be_tokenised_fails_once_and_alone(bench: Bench) -> None:
    bench.runtime.gate.release(1000)
    bench.ask(0, ["bad", *range(_LONG)])
    bench.ask(1, [1])
    found = dict(bench.reply() for _ in range(2))
    assert found[0] == Failure("ValueError: no text")
    assert isinstance(found[1], PredictReply)
    assert len(bench.runtime.tokenised) < _LONG


def test_the_windows_of_a_text_become_one_answer_in_its_place(bench: Bench) -> None:
    bench.runtime.gate.release(1000)
    bench.ask(0, ["1", "2|4|9", "3"], window=Window())
    _, answer = bench.reply()
    assert [one.item() for one in answer.probabilities] == [1, 5, 3]
    assert (answer.truncated, answer.windows) == ([False] * 3, [1, 3, 1])


def test_without_a_window_a_long_text_is_one_row_and_cut(bench: Bench) -> None:
    bench.runtime.gate.release(1000)
    bench.ask(0, ["2|4|9"])
    number, answer = bench.reply()
    assert number == 0
    assert isinstance(answer, Failure)  # this runtime does not take the whole text
    assert bench.runtime.tokenised == ["2|4|9"]


@pytest.mark.parametrize(
    ("inputs", "exceeded"),
    [
        (["1", "|".join("1" * 65)], WindowsExceeded(1, 65, MOST_WINDOWS, of_text=True)),
        (["|".join("1" * 50)] * 6, WindowsExceeded(5, 300, _LONG, of_text=False)),
    ],
)
def test_more_windows_than_a_text_or_a_request_may_have_are_refused(
    bench: Bench, inputs: list[str], exceeded: WindowsExceeded
) -> None:
    bench.runtime.gate.release(1000)
    bench.ask(0, inputs, window=Window())
    assert bench.reply() == (0, exceeded)
    assert not bench.executor.is_expected(0)
