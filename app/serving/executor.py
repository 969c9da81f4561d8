"""Threads that tokenise requests by turns and compute batches of them side by side."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.errors import BabelportError
from app.domain.predictions import MOST_WINDOWS, BatchFacts, PredictorTotals
from app.runtimes.contract import Prepared
from app.runtimes.windows import prepare_windows
from app.serving.batcher import Batcher, QueuedInput
from app.serving.messages import (
    Expired,
    Failure,
    PredictorReply,
    PredictReply,
    PredictRequest,
    WindowsExceeded,
)
from app.serving.model_cache import CachedModel

_log = logging.getLogger(__name__)
SendReplies = Callable[[list[tuple[int, PredictorReply]]], None]
# A long text takes a millisecond. Between two parts others have their turn, and a request that
# was dropped meanwhile ends.
_PART_INPUTS = 16
PoolWindows = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class ExecutorLimits:
    """How much is computed at once.

    `workers` threads compute batches side by side, each batch on `threads_shared` processors; a
    batch that is computed alone takes `threads_exclusive`. The others are those of `Batcher`.
    """

    workers: int
    threads_shared: int
    threads_exclusive: int
    batch_tokens: int
    age_seconds: float


class BatchExecutor:
    """Takes what waits, batch by batch, and sends the answers.

    The queue is asked anew for every batch, and the model whose oldest input waits longest is
    next. What expired or was dropped is never computed. The first worker works whenever there is
    work, the others only beside it. When it works alone, with nothing waiting, it takes several
    processors: always the same thread does, because libraries that compute keep threads for each
    thread that calls them, and make them sleep once there are more than processors.
    """

    def __init__(self, limits: ExecutorLimits, send: SendReplies) -> None:
        self._limits = limits
        self._send = send
        self._requests = OpenRequests()
        self._changed = threading.Condition()
        self._queues: dict[CachedModel, Batcher] = {}
        self._busy = 0
        self._numbers = itertools.count(1)
        self.work = PredictorTotals()
        self._first_works = False
        for number in range(limits.workers):
            name = f"worker-{number}"
            threading.Thread(target=self._work, args=(number == 0,), name=name, daemon=True).start()

    def expect(self, request: int, inputs: int, pool: PoolWindows | None = None) -> None:
        """Know of a request whose inputs are to be added; from here on it can be dropped.

        `pool` makes one answer of those to the windows of an input.
        """
        with self._changed:
            self._requests.begin(request, inputs, pool)

    def is_expected(self, request: int) -> bool:
        """Whether somebody still waits for a request's answer."""
        with self._changed:
            return self._requests.is_open(request)

    def add(
        self,
        loaded: CachedModel,
        request: int,
        prepared: Sequence[Sequence[Prepared]],
        deadline: float | None,
        first: int = 0,
    ) -> None:
        """Queue inputs of a request that is expected, each with its windows, mostly one.

        `first` is the place of the first input.
        """
        now = time.monotonic()
        waiting = [
            QueuedInput(one, request, place, now, deadline, window=window)
            for place, windows in enumerate(prepared, first)
            for window, one in enumerate(windows)
        ]
        with self._changed:
            for place, windows in enumerate(prepared, first):
                self._requests.expect_windows(request, place, len(windows))
            if loaded not in self._queues:
                limits = self._limits
                self._queues[loaded] = Batcher(loaded.cost, limits.batch_tokens, limits.age_seconds)
            self._queues[loaded].add(waiting)
            self._changed.notify_all()

    def drop(self, request: int) -> bool:
        """Forget a request, and tell whether it was expected.

        What of it is being computed is computed for nobody.
        """
        with self._changed:
            return self._requests.forget(request)

    def waiting(self) -> tuple[int, int]:
        """Inputs and tokens that wait."""
        with self._changed:
            queues = list(self._queues.values())
            return sum(map(len, queues)), sum(queue.tokens for queue in queues)

    def _work(self, first: bool) -> None:
        while True:
            with self._changed:
                if first:
                    self._first_works = False
                while not (first or self._first_works) or (found := self._next()) is None:
                    self._changed.wait()
                loaded, batch, expired = found
                self._busy += bool(batch)
                waits = any(map(len, self._queues.values()))
                if first:
                    self._first_works = True
                    if waits:
                        self._changed.notify_all()
                alone = first and self._busy == 1 and not waits
            if expired:
                self._send([(number, Expired()) for number in expired])
            if batch:
                self._compute(loaded, batch, alone)

    def _next(self) -> tuple[CachedModel, list[QueuedInput], list[int]] | None:
        """A model, its next batch, and requests that expired; None where nothing waits."""
        now = time.monotonic()
        queues = [(queue.oldest, loaded) for loaded, queue in self._queues.items() if len(queue)]
        if not queues:
            return None
        loaded = min(queues, key=lambda pair: pair[0] or 0.0)[1]
        queue = self._queues[loaded]
        obsolete = queue.drop(lambda one: self._is_obsolete(one, now))
        expired = [number for one in obsolete if self._requests.forget(number := one.request)]
        batch = queue.take(now)
        if not len(queue):
            del self._queues[loaded]
        return loaded, batch, expired

    def _is_obsolete(self, one: QueuedInput, now: float) -> bool:
        passed = one.deadline is not None and one.deadline <= now
        return passed or not self._requests.is_open(one.request)

    def _compute(self, loaded: CachedModel, batch: list[QueuedInput], alone: bool) -> None:
        exclusive = alone and loaded.may_use_several_threads()
        limits = self._limits
        threads = limits.threads_exclusive if exclusive else limits.threads_shared
        began = time.monotonic()
        try:
            answers = loaded.runtime.run([one.prepared for one in batch], threads)
        except Exception as error:
            self._finish(batch, self._one_by_one(loaded, batch, threads, error), began)
            return
        seconds = time.monotonic() - began
        if exclusive:
            loaded.note_several_threads(_padded_tokens(batch), seconds)
        else:
            loaded.cost.learn(_padded_tokens(batch), seconds)
        self._finish(batch, answers, began)

    def _one_by_one(
        self, loaded: CachedModel, batch: list[QueuedInput], threads: int, error: Exception
    ) -> list[np.ndarray | Failure]:
        """Answers after a batch failed: an input that fails must not fail the others."""
        _log.warning("a batch of %s failed: %s", loaded.servable.name, error, exc_info=error)
        if len(batch) == 1:
            return [Failure(f"{type(error).__name__}: {error}")]
        answers: list[np.ndarray | Failure] = []
        for one in batch:
            try:
                answers += loaded.runtime.run([one.prepared], threads)
            except Exception as input_error:
                answers.append(Failure(f"{type(input_error).__name__}: {input_error}"))
        return answers

    def _finish(
        self,
        batch: list[QueuedInput],
        answers: list[np.ndarray] | list[np.ndarray | Failure],
        began: float,
    ) -> None:
        tokens = sum(one.prepared.cost for one in batch)
        seconds = time.monotonic() - began
        replies: list[tuple[int, PredictorReply]] = []
        with self._changed:
            self._busy -= 1
            number = next(self._numbers)
            self.work = self.work.and_a_batch(len(batch), tokens, _padded_tokens(batch))
            for one, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Failure):
                    if self._requests.forget(one.request):
                        replies.append((one.request, answer))
                elif completed := self._requests.answer(one, answer):
                    facts = BatchFacts(
                        number,
                        len(batch),
                        tokens,
                        _padded_tokens(batch),
                        began - one.arrived,
                        seconds,
                    )
                    content = (completed.answers, completed.truncated, completed.windows)
                    replies.append((one.request, PredictReply(*content, facts)))
        if replies:
            self._send(replies)


def _padded_tokens(batch: list[QueuedInput]) -> int:
    return len(batch) * max(one.prepared.cost for one in batch)


@dataclass(eq=False)
class _TokenizationTask:
    loaded: CachedModel
    number: int
    request: PredictRequest
    done: int = 0
    windows: int = 0


class RequestTokenizer:
    """Tokenises requests in a thread of its own, and hands their inputs to the executor.

    Long requests take turns with all others, so that a short one never waits for all of them.
    One that was dropped or whose deadline passed costs no more than the part at work, and one
    that takes more than `most_windows` is refused.
    """

    def __init__(self, executor: BatchExecutor, send: SendReplies, most_windows: int) -> None:
        self._executor = executor
        self._send = send
        self._most_windows = most_windows
        self._changed = threading.Condition()
        self._tasks: deque[_TokenizationTask] = deque()
        threading.Thread(target=self._work, name="tokenizer", daemon=True).start()

    def add(self, loaded: CachedModel, number: int, request: PredictRequest) -> None:
        """Let a request, which the executor expects, be tokenised when it is its turn."""
        with self._changed:
            self._tasks.append(_TokenizationTask(loaded, number, request))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._tasks:
                    self._changed.wait()
                task = self._tasks.popleft()
            if self._prepare_part(task):
                with self._changed:
                    self._tasks.append(task)

    def _prepare_part(self, task: _TokenizationTask) -> bool:
        """Tokenise the next inputs of a request; whether more of them are left."""
        request, number = task.request, task.number
        if not self._executor.is_expected(number):
            return False
        if request.deadline is not None and request.deadline <= time.monotonic():
            if self._executor.drop(number):
                self._send([(number, Expired())])
            return False
        part = request.inputs[task.done : task.done + _PART_INPUTS]
        try:
            stride = None if request.window is None else request.window.stride
            prepared = prepare_windows(task.loaded.runtime, part, stride)
        except Exception as error:
            if self._executor.drop(number):
                self._send([(number, Failure(failure_reason(error)))])
            return False
        if exceeded := self._exceeded(task, prepared):
            if self._executor.drop(number):
                self._send([(number, exceeded)])
            return False
        self._executor.add(task.loaded, number, prepared, request.deadline, task.done)
        task.done += len(part)
        return task.done < len(request.inputs)

    def _exceeded(
        self, task: _TokenizationTask, prepared: Sequence[Sequence[Prepared]]
    ) -> WindowsExceeded | None:
        """The first of these inputs by which there are too many windows; counts them."""
        for place, windows in enumerate(prepared, task.done):
            task.windows += len(windows)
            if len(windows) > MOST_WINDOWS:
                return WindowsExceeded(place, len(windows), MOST_WINDOWS, of_text=True)
            if task.windows > self._most_windows:
                return WindowsExceeded(place, task.windows, self._most_windows, of_text=False)
        return None


def failure_reason(error: Exception) -> str:
    """What a failed request is answered; the log has the whole story."""
    _log.warning("a request failed", exc_info=error)
    name = error.code if isinstance(error, BabelportError) else type(error).__name__
    return f"{name}: {error}"


@dataclass(frozen=True)
class CompletedRequest:
    """The answers to all inputs of a request, in order.

    Beside each stands whether only part of the input was read, and in how many windows.
    """

    answers: list[np.ndarray]
    truncated: list[bool]
    windows: list[int]


@dataclass(eq=False)
class _OpenRequest:
    rows: list[list[np.ndarray]]  # of each input, a row for each of its windows
    truncated: list[bool]
    left: int
    pool: PoolWindows | None


class OpenRequests:
    """Collects the answers to a request's inputs, which may come from several batches."""

    def __init__(self) -> None:
        self._open: dict[int, _OpenRequest] = {}

    def begin(self, request: int, inputs: int, pool: PoolWindows | None = None) -> None:
        """Expect so many answers; `pool` makes one answer of those to several windows."""
        rows = [[np.empty(0)] for _ in range(inputs)]
        self._open[request] = _OpenRequest(rows, [False] * inputs, inputs, pool)

    def expect_windows(self, request: int, place: int, windows: int) -> None:
        """Expect an answer for each of so many windows of an input; before any of them comes."""
        found = self._open.get(request)
        if found is not None:
            found.rows[place] = [np.empty(0)] * windows
            found.left += windows - 1

    def is_open(self, request: int) -> bool:
        """Whether somebody waits for it."""
        return request in self._open

    def forget(self, request: int) -> bool:
        """Expect no answer any more; whether one was expected."""
        return self._open.pop(request, None) is not None

    def answer(self, one: QueuedInput, answer: np.ndarray) -> CompletedRequest | None:
        """Note one answer; all of them when it was the last."""
        found = self._open.get(one.request)
        if found is None:
            return None
        found.rows[one.place][one.window] = answer
        found.truncated[one.place] |= one.prepared.truncated
        found.left -= 1
        if found.left:
            return None
        del self._open[one.request]
        answers = [
            rows[0] if len(rows) == 1 or found.pool is None else found.pool(rows)
            for rows in found.rows
        ]
        return CompletedRequest(answers, found.truncated, [len(rows) for rows in found.rows])
