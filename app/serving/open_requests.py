"""Requests of which some inputs are not answered yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.serving.batcher import Waiting

Pool = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Whole:
    """The answers to all inputs of a request, in order.

    Beside each stands whether only part of the input was read, and in how many windows.
    """

    answers: list[np.ndarray]
    truncated: list[bool]
    windows: list[int]


@dataclass(eq=False)
class _Open:
    rows: list[list[np.ndarray]]  # of each input, a row for each of its windows
    truncated: list[bool]
    left: int
    pool: Pool | None


class OpenRequests:
    """Collects the answers to a request's inputs, which may come from several batches."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}

    def begin(self, request: int, inputs: int, pool: Pool | None = None) -> None:
        """Expect so many answers; `pool` makes one answer of those to several windows."""
        rows = [[np.empty(0)] for _ in range(inputs)]
        self._open[request] = _Open(rows, [False] * inputs, inputs, pool)

    def widen(self, request: int, place: int, windows: int) -> None:
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

    def answer(self, one: Waiting, answer: np.ndarray) -> Whole | None:
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
        return Whole(answers, found.truncated, [len(rows) for rows in found.rows])
