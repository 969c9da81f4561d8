"""HTTP of both clients: retries, streams of events that reconnect, downloads to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

from app.client.call import Call
from app.client.problem import problem_of
from app.client.resources import FINAL_STATES

# An upload is answered when it was read and checked, which takes minutes for a large model.
TIMEOUT = httpx2.Timeout(30, read=900, write=900)
_MAX_REQUEST_FAILURES = 5
_LONGEST_REQUEST_PAUSE = 30.0
_CONNECTION_ERRORS = (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.TimeoutException)
_MAX_STREAM_FAILURES = 8
_LONGEST_STREAM_PAUSE = 5.0
# The service sends a comment every 15 s; a connection silent for longer is dead.
_READ_TIMEOUT = httpx2.Timeout(30, read=60)
_NO_PARAMS: dict[str, Any] = {}


class RetryPolicy:
    """Counts the failures of one call; only a call with an Idempotency-Key is sent again.

    Without the key nobody knows whether a request whose answer got lost has done its work, and
    a second one might do it twice.
    """

    def __init__(self, call: Call) -> None:
        self._repeatable = "Idempotency-Key" in call.headers
        self._failures = 0

    def pause(self, failure: httpx2.TransportError | httpx2.Response) -> float | None:
        """Seconds to wait before sending it again; None when `failure` is final."""
        self._failures += 1
        if (
            not self._repeatable
            or self._failures >= _MAX_REQUEST_FAILURES
            or not _is_temporary(failure)
        ):
            return None
        headers = failure.headers if isinstance(failure, httpx2.Response) else {}
        retry_after = headers.get("Retry-After", "")
        pause = float(retry_after) if retry_after.isdigit() else 0.1 * 2**self._failures
        return min(_LONGEST_REQUEST_PAUSE, pause)


def _is_temporary(failure: httpx2.TransportError | httpx2.Response) -> bool:
    if isinstance(failure, httpx2.Response):
        return failure.status_code == httpx2.codes.SERVICE_UNAVAILABLE
    return isinstance(failure, _CONNECTION_ERRORS)


class StreamReconnection:
    """Remembers the last event received and counts failures in a row."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._failures = 0

    def arguments(self) -> dict[str, Any]:
        """Arguments of the next connection; the header is the one that browsers send."""
        headers = {"Last-Event-ID": str(self._after)}
        # An event may name thousands of labels, and the service is one that the user chose.
        return {"headers": headers, "timeout": _READ_TIMEOUT, "max_event_size": None}

    def received(self, identifier: str) -> None:
        """Note that an event came; one that is not kept has an empty or repeated identifier."""
        self._failures = 0
        if identifier:
            self._after = int(identifier)

    def is_hopeless(self) -> bool:
        """Count a failure; True when there were too many in a row."""
        self._failures += 1
        return self._failures >= _MAX_STREAM_FAILURES

    def pause(self) -> float:
        """Seconds to wait before the next connection, longer after each failure."""
        return float(min(_LONGEST_STREAM_PAUSE, 0.1 * 2**self._failures))


def event_of(sent: httpx2.ServerSentEvent) -> dict[str, Any]:
    """The event that a server-sent event carries."""
    event: dict[str, Any] = json.loads(sent.data)
    return event


def is_final(event: dict[str, Any]) -> bool:
    """Whether no event follows this one."""
    return event["kind"] in FINAL_STATES


def download(
    http: httpx2.Client, path: str, target: str | Path, params: dict[str, Any] = _NO_PARAMS
) -> Path:
    """GET `path` into the file `target`; raises `BabelportProblem` and then writes nothing."""
    with http.stream("GET", path, params=params) as response:
        if response.is_error:
            response.read()
            raise problem_of(response)
        with Path(target).open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
    return Path(target)


async def download_async(
    http: httpx2.AsyncClient, path: str, target: str | Path, params: dict[str, Any] = _NO_PARAMS
) -> Path:
    """The same, awaited."""
    async with http.stream("GET", path, params=params) as response:
        if response.is_error:
            await response.aread()
            raise problem_of(response)
        with Path(target).open("wb") as file:
            async for chunk in response.aiter_bytes():
                file.write(chunk)
    return Path(target)
