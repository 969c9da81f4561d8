"""Sending a request again after a broken connection: which, how often and how soon."""

from __future__ import annotations

import httpx

from app.client.call import Call

_MAX_FAILURES = 5
_LONGEST_PAUSE = 30.0
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException)


class Repetition:
    """Counts the failures of one call; only a call with an Idempotency-Key is sent again.

    Without the key nobody knows whether a request whose answer got lost has done its work, and
    a second one might do it twice.
    """

    def __init__(self, call: Call) -> None:
        self._repeatable = "Idempotency-Key" in call.headers
        self._failures = 0

    def pause(self, failure: httpx.TransportError | httpx.Response) -> float | None:
        """Seconds to wait before sending it again; None when `failure` is to be the last word."""
        self._failures += 1
        if not self._repeatable or self._failures >= _MAX_FAILURES or not _may_pass(failure):
            return None
        asked = (
            failure.headers.get("Retry-After", "") if isinstance(failure, httpx.Response) else ""
        )
        wanted = float(asked) if asked.isdigit() else 0.1 * 2**self._failures
        return min(_LONGEST_PAUSE, wanted)


def _may_pass(failure: httpx.TransportError | httpx.Response) -> bool:
    if isinstance(failure, httpx.Response):
        return failure.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return isinstance(failure, _BROKEN)


def _asked_for(failure: httpx.TransportError | httpx.Response) -> float:
    headers = failure.headers if isinstance(failure, httpx.Response) else {}
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0
