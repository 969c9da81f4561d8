"""Reading a stream of events that may break off: where to take it up, and when to give up."""

from __future__ import annotations

import json
from typing import Any

import httpx
from httpx_sse import ServerSentEvent

from app.client.transfers import FINAL_STATES

_MAX_FAILURES = 8
_LONGEST_PAUSE = 5.0
# The service sends a comment every 15 s; a connection silent for longer is dead.
_READ_TIMEOUT = httpx.Timeout(30, read=60)


class Reconnection:
    """Remembers the last event received and counts failures in a row."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._failures = 0

    def arguments(self) -> dict[str, Any]:
        """Arguments of the next connection; the header is the one that browsers send."""
        return {"headers": {"Last-Event-ID": str(self._after)}, "timeout": _READ_TIMEOUT}

    def received(self, identifier: str) -> None:
        """Note that an event came; one that is not kept has an empty or repeated identifier."""
        self._failures = 0
        if identifier:
            self._after = int(identifier)

    def is_hopeless(self) -> bool:
        """Count a failure; True when there were too many in a row."""
        self._failures += 1
        return self._failures >= _MAX_FAILURES

    def pause(self) -> float:
        """Seconds to wait before the next connection, longer after each failure."""
        return float(min(_LONGEST_PAUSE, 0.1 * 2**self._failures))


def event_of(sent: ServerSentEvent) -> dict[str, Any]:
    """The event that a server-sent event carries."""
    event: dict[str, Any] = json.loads(sent.data)
    return event


def is_final(event: dict[str, Any]) -> bool:
    """Whether no event follows this one."""
    return event["kind"] in FINAL_STATES
