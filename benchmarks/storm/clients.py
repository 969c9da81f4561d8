"""Clients that start transfers, lose their connections, and send the same request again."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import Any

import httpx2

from app.client import BabelportProblem, Client

_PATIENCE = 120.0


class Clients:
    """Threads that start all `orders` (name and body), each under a key of its own.

    A quarter of the requests is first sent by a client that hangs up before the answer, so that
    the request is repeated though it may have done its work. `pause` is the mean time in seconds
    between two requests of one client. `started` maps transfers to the orders' names.
    """

    def __init__(
        self,
        url: str,
        orders: list[tuple[str, dict[str, Any]]],
        seed: int,
        clients: int = 4,
        pause: float = 2.5,
    ) -> None:
        self._url = url
        self._pause = pause
        self.started: dict[str, str] = {}
        self.hung_up = 0
        self.sent_again = 0
        self.errors: list[str] = []
        self._threads = [
            threading.Thread(
                target=self._work, args=(orders[n::clients], random.Random(seed + n)), daemon=True
            )
            for n in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def busy(self) -> bool:
        """Whether a client still has requests to send."""
        return any(thread.is_alive() for thread in self._threads)

    def _work(self, orders: list[tuple[str, dict[str, Any]]], draw: random.Random) -> None:
        with Client(self._url) as client:
            for name, body in orders:
                time.sleep(draw.uniform(0, 2 * self._pause))
                key = uuid.UUID(int=draw.getrandbits(128)).hex
                if draw.random() < 0.25:
                    self._hang_up(body, key, draw.uniform(0.005, 0.1))
                try:
                    self.started[self._start(client, body, key)] = name
                except BabelportProblem as problem:
                    self.errors.append(f"{name}: {problem.status} {problem.code}: {problem.detail}")

    def _hang_up(self, body: dict[str, Any], key: str, seconds: float) -> None:
        try:
            httpx2.post(
                f"{self._url}/v1/transfers",
                json=body,
                headers={"Idempotency-Key": key},
                timeout=httpx2.Timeout(5, read=seconds),
            )
        except httpx2.TransportError:
            self.hung_up += 1

    def _start(self, client: Client, body: dict[str, Any], key: str) -> str:
        """The client repeats by itself for some seconds; this goes on with the same key."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return str(client.transfers.start(**body, idempotency_key=key)["id"])
            except BabelportProblem as problem:
                if problem.status not in (0, 503) or time.monotonic() > deadline:
                    raise
            self.sent_again += 1
