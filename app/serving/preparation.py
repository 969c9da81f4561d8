"""What is tokenised next: requests by turns, a part at a time, and nothing that was dropped."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import BabelportError
from app.domain.predictions import MOST_WINDOWS
from app.runtimes.contract import Prepared
from app.runtimes.windows import prepare_windows
from app.serving.lanes import Lanes, Send
from app.serving.messages import Ask, Expired, Failure, WindowsExceeded
from app.serving.resident_models import Loaded

_log = logging.getLogger(__name__)
# A long text takes a millisecond. Between two parts others have their turn, and a request that
# was dropped meanwhile ends.
_PART_INPUTS = 16


@dataclass(eq=False)
class _Asked:
    loaded: Loaded
    number: int
    ask: Ask
    done: int = 0
    windows: int = 0


class Preparation:
    """Tokenises requests in a thread of its own, and hands their inputs to the lanes.

    Long requests take turns with all others, so that a short one never waits for all of them.
    One that was dropped or whose deadline passed costs no more than the part at work, and one
    that takes more than `most_windows` is refused.
    """

    def __init__(self, lanes: Lanes, send: Send, most_windows: int) -> None:
        self._lanes = lanes
        self._send = send
        self._most_windows = most_windows
        self._changed = threading.Condition()
        self._asked: deque[_Asked] = deque()
        threading.Thread(target=self._work, name="preparation", daemon=True).start()

    def add(self, loaded: Loaded, number: int, ask: Ask) -> None:
        """Let a request, which the lanes expect, be prepared when it is its turn."""
        with self._changed:
            self._asked.append(_Asked(loaded, number, ask))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._asked:
                    self._changed.wait()
                asked = self._asked.popleft()
            if self._prepare_part(asked):
                with self._changed:
                    self._asked.append(asked)

    def _prepare_part(self, asked: _Asked) -> bool:
        """Prepare the next inputs of a request; whether more of them are to be prepared."""
        ask, number = asked.ask, asked.number
        if not self._lanes.is_expected(number):
            return False
        if ask.deadline is not None and ask.deadline <= time.monotonic():
            if self._lanes.drop(number):
                self._send([(number, Expired())])
            return False
        part = ask.inputs[asked.done : asked.done + _PART_INPUTS]
        try:
            stride = None if ask.window is None else ask.window.stride
            prepared = prepare_windows(asked.loaded.runtime, part, stride)
        except Exception as error:
            if self._lanes.drop(number):
                self._send([(number, Failure(in_words(error)))])
            return False
        if exceeded := self._exceeded(asked, prepared):
            if self._lanes.drop(number):
                self._send([(number, exceeded)])
            return False
        self._lanes.add(asked.loaded, number, prepared, ask.deadline, asked.done)
        asked.done += len(part)
        return asked.done < len(ask.inputs)

    def _exceeded(
        self, asked: _Asked, prepared: Sequence[Sequence[Prepared]]
    ) -> WindowsExceeded | None:
        """The first of these inputs by which there are too many windows; counts them."""
        for place, windows in enumerate(prepared, asked.done):
            asked.windows += len(windows)
            if len(windows) > MOST_WINDOWS:
                return WindowsExceeded(place, len(windows), MOST_WINDOWS, of_text=True)
            if asked.windows > self._most_windows:
                return WindowsExceeded(place, asked.windows, self._most_windows, of_text=False)
        return None


def in_words(error: Exception) -> str:
    """What a failed request is answered; the log has the whole story."""
    _log.warning("a request failed", exc_info=error)
    name = error.code if isinstance(error, BabelportError) else type(error).__name__
    return f"{name}: {error}"
