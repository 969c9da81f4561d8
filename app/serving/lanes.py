"""The lanes: threads that compute batches side by side, one pool for the device."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.serving import BatchFacts, Work
from app.runtimes.contract import Prepared
from app.serving.batcher import Batcher, Waiting
from app.serving.messages import Expired, Failure, Probabilities, Reply
from app.serving.open_requests import OpenRequests, Pool
from app.serving.resident_models import Loaded

_log = logging.getLogger(__name__)
Send = Callable[[list[tuple[int, Reply]]], None]


@dataclass(frozen=True)
class Bounds:
    """How much is computed at once: lanes, threads of a lane that works alone, batch and age."""

    lanes: int
    threads_beside: int
    threads_alone: int
    batch_tokens: int
    age_seconds: float


class Lanes:
    """Takes what waits, batch by batch, and sends the answers.

    The queue is asked anew for every batch, and the model whose oldest input waits longest is
    next. What expired or was dropped is never computed. The first lane works whenever there is
    work, the others only beside it. When it works alone, with nothing waiting, it takes several
    processors: always the same thread does, because libraries that compute keep threads for each
    thread that calls them, and make them sleep once there are more than processors.
    """

    def __init__(self, bounds: Bounds, send: Send) -> None:
        self._bounds = bounds
        self._send = send
        self._requests = OpenRequests()
        self._changed = threading.Condition()
        self._queues: dict[Loaded, Batcher] = {}
        self._busy = 0
        self._numbers = itertools.count(1)
        self.work = Work()
        self._first_works = False
        for number in range(bounds.lanes):
            name = f"lane-{number}"
            threading.Thread(target=self._work, args=(number == 0,), name=name, daemon=True).start()

    def expect(self, request: int, inputs: int, pool: Pool | None = None) -> None:
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
        loaded: Loaded,
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
            Waiting(one, request, place, now, deadline, window=window)
            for place, windows in enumerate(prepared, first)
            for window, one in enumerate(windows)
        ]
        with self._changed:
            for place, windows in enumerate(prepared, first):
                self._requests.widen(request, place, len(windows))
            if loaded not in self._queues:
                bounds = self._bounds
                self._queues[loaded] = Batcher(loaded.cost, bounds.batch_tokens, bounds.age_seconds)
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

    def _next(self) -> tuple[Loaded, list[Waiting], list[int]] | None:
        """A model, its next batch, and requests that expired; None where nothing waits."""
        now = time.monotonic()
        queues = [(queue.oldest, loaded) for loaded, queue in self._queues.items() if len(queue)]
        if not queues:
            return None
        loaded = min(queues, key=lambda pair: pair[0] or 0.0)[1]
        queue = self._queues[loaded]
        useless = queue.drop(lambda one: self._is_useless(one, now))
        expired = [number for one in useless if self._requests.forget(number := one.request)]
        batch = queue.take(now)
        if not len(queue):
            del self._queues[loaded]
        return loaded, batch, expired

    def _is_useless(self, one: Waiting, now: float) -> bool:
        passed = one.deadline is not None and one.deadline <= now
        return passed or not self._requests.is_open(one.request)

    def _compute(self, loaded: Loaded, batch: list[Waiting], alone: bool) -> None:
        wide = alone and loaded.takes_several()
        threads = self._bounds.threads_alone if wide else self._bounds.threads_beside
        began = time.monotonic()
        try:
            answers = loaded.runtime.run([one.prepared for one in batch], threads)
        except Exception as error:
            self._finish(batch, self._one_by_one(loaded, batch, threads, error), began)
            return
        seconds = time.monotonic() - began
        if wide:
            loaded.took_several(_padded(batch), seconds)
        else:
            loaded.cost.learn(_padded(batch), seconds)
        self._finish(batch, answers, began)

    def _one_by_one(
        self, loaded: Loaded, batch: list[Waiting], threads: int, error: Exception
    ) -> list[np.ndarray | Failure]:
        """Answers after a batch failed: an input that fails must not fail its company."""
        _log.warning("a batch of %s failed: %s", loaded.servable.name, error, exc_info=error)
        if len(batch) == 1:
            return [Failure(f"{type(error).__name__}: {error}")]
        answers: list[np.ndarray | Failure] = []
        for one in batch:
            try:
                answers += loaded.runtime.run([one.prepared], threads)
            except Exception as own:
                answers.append(Failure(f"{type(own).__name__}: {own}"))
        return answers

    def _finish(
        self,
        batch: list[Waiting],
        answers: list[np.ndarray] | list[np.ndarray | Failure],
        began: float,
    ) -> None:
        tokens = sum(one.prepared.cost for one in batch)
        seconds = time.monotonic() - began
        replies: list[tuple[int, Reply]] = []
        with self._changed:
            self._busy -= 1
            number = next(self._numbers)
            self.work = self.work.and_a_batch(len(batch), tokens, _padded(batch))
            for one, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Failure):
                    if self._requests.forget(one.request):
                        replies.append((one.request, answer))
                elif whole := self._requests.answer(one, answer):
                    facts = BatchFacts(
                        number, len(batch), tokens, _padded(batch), began - one.arrived, seconds
                    )
                    read = (whole.answers, whole.truncated, whole.windows)
                    replies.append((one.request, Probabilities(*read, facts)))
        if replies:
            self._send(replies)


def _padded(batch: list[Waiting]) -> int:
    return len(batch) * max(one.prepared.cost for one in batch)
