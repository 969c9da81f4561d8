"""Open-loop load: requests are sent when they are due, whether earlier ones are answered or not.

    python -m benchmarks.serving.open_loop URL BODIES RATE SECONDS TIMEOUT_MS

Prints one line of JSON. Each request waits on a connection of its own, taken from those that are
free; each says that it wants its answer within TIMEOUT_MS.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.serving.tally import Tally, account

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LAST_ANSWERS_SECONDS = 20.0


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, free: deque[_Connection], tally: Tally) -> None:
        self._free, self._tally = free, tally
        self._received, self._due = b"", 0.0
        self._waits, self.open = False, True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit it

    def send(self, request: bytes, due: float) -> None:
        self._received, self._due, self._waits = b"", due, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_END)
        if not found or not self._waits:
            return
        lengths = [x for x in head.lower().split(b"\r\n") if x.startswith(_LENGTH)]
        if lengths and len(body) < int(lengths[0].removeprefix(_LENGTH)):
            return
        self._waits = False
        now = time.perf_counter()
        self._tally.answer(int(head[9:12]), now - self._tally.started, now - self._due)
        self._free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._waits:
            self._waits = False
            self._tally.lost += 1


async def load(url: str, requests: Sequence[bytes], rate: float, seconds: float) -> Tally:
    """Send `rate` requests a second, in the order of `requests` and again from the first."""
    address, tally = urlsplit(url), Tally(started=time.perf_counter())
    free: deque[_Connection] = deque()
    opening: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    async def connect_and_send(request: bytes, due: float) -> None:
        try:
            made = await loop.create_connection(
                lambda: _Connection(free, tally), address.hostname or "", address.port or 80
            )
            made[1].send(request, due)
        except OSError:
            tally.lost += 1

    for number in range(round(rate * seconds)):
        due = tally.started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tally.sent += 1
        tally.lags.append(time.perf_counter() - due)
        request = requests[number % len(requests)]
        while free and not free[-1].open:
            free.pop()
        if free:
            free.pop().send(request, due)
        else:
            task = asyncio.create_task(connect_and_send(request, due))
            opening.add(task)
            task.add_done_callback(opening.discard)
    deadline = time.perf_counter() + _LAST_ANSWERS_SECONDS
    while tally.pending and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    return tally


def requests_of(url: str, bodies: Sequence[bytes], timeout_ms: float) -> list[bytes]:
    """The whole requests, as they go over the wire."""
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    head += f"Content-Type: application/json\r\nX-Babelport-Timeout-Ms: {timeout_ms:g}\r\n"
    return [f"{head}Content-Length: {len(x)}\r\n\r\n".encode() + x for x in bodies]


def main() -> None:
    """Load a server and print the account, with the processor time that this took."""
    url, bodies, rate, seconds, timeout_ms = sys.argv[1:]
    lines = Path(bodies).read_bytes().splitlines()
    requests = requests_of(url, lines, float(timeout_ms))
    # The sender shares the processors with the server, so it should take little of them.
    tally = uvloop.run(load(url, requests, float(rate), float(seconds)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = account(tally, float(seconds), float(timeout_ms))
    print(json.dumps(told | {"own_cpu_seconds": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
