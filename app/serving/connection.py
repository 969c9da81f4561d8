"""The API's end of the socket to the predictor process."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import cast

from app.artifacts.contract import Artifacts
from app.domain.errors.predictions import PredictorStopped
from app.serving.frames import FrameReader, frame
from app.serving.messages import Drop, Message, Reply
from app.serving.predictor_process import run_predictor
from app.settings import Settings


class Connection(asyncio.Protocol):
    """A predictor process and the requests that wait for its answers.

    When the process is gone, all of them get `PredictorStopped`.
    """

    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be asked."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, message: Message) -> Reply:
        """Send a message and wait for its reply; cancelling this tells the process to drop it."""
        if not self.is_open or self._transport is None:
            raise PredictorStopped
        number = next(self._numbers)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._transport.write(frame((number, message)))
            return await waiting
        except asyncio.CancelledError:
            if self.is_open:
                self._transport.write(frame((next(self._numbers), Drop(number))))
            raise
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Let the process end; it does so when the socket closes."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit it

    def data_received(self, data: bytes) -> None:
        """Called by the event loop; one frame holds the replies of one batch."""
        for replies in self._reader.feed(data):
            for number, reply in replies:
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(PredictorStopped())


async def connect(settings: Settings, artifacts: Artifacts) -> Connection:
    """Start a predictor process and connect to it."""
    ours, theirs = socket.socketpair()
    # Spawned: a fork of a process with threads may hold locks that nobody releases.
    process = get_context("spawn").Process(
        target=run_predictor, args=(settings, artifacts, theirs), daemon=True
    )
    try:
        await asyncio.to_thread(process.start)
    finally:
        theirs.close()
    ours.setblocking(False)
    make: Callable[[], Connection] = lambda: Connection(process)  # noqa: E731
    _, connection = await asyncio.get_running_loop().create_connection(make, sock=ours)
    return connection
