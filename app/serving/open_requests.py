"""Requests of which some inputs are not answered yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(eq=False)
class _Open:
    answers: list[np.ndarray]
    truncated: list[bool]
    left: int


class OpenRequests:
    """Collects the answers to a request's inputs, which may come from several batches."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}

    def begin(self, request: int, inputs: int) -> None:
        """Expect so many answers."""
        self._open[request] = _Open([np.empty(0)] * inputs, [False] * inputs, inputs)

    def is_open(self, request: int) -> bool:
        """Whether somebody waits for it."""
        return request in self._open

    def forget(self, request: int) -> bool:
        """Expect no answer any more; whether one was expected."""
        return self._open.pop(request, None) is not None

    def answer(
        self, request: int, place: int, answer: np.ndarray, truncated: bool = False
    ) -> tuple[list[np.ndarray], list[bool]] | None:
        """Note one answer; all of them, in order, when it was the last.

        Beside the answers stands whether only part of each input was read.
        """
        found = self._open.get(request)
        if found is None:
            return None
        found.answers[place], found.truncated[place] = answer, truncated
        found.left -= 1
        if found.left:
            return None
        del self._open[request]
        return found.answers, found.truncated
