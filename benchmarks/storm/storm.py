"""The storm itself: transfers are sent and carried out while everything is killed."""

from __future__ import annotations

import os
import time
from typing import Any

from sqlalchemy.exc import DBAPIError

from benchmarks.storm.clients import Clients
from benchmarks.storm.place import Place
from benchmarks.storm.tormentor import Tormentor

_FINAL = frozenset({"succeeded", "failed", "cancelled"})
_LOOK = 0.1
_DOWN = 2.0  # seconds that the database server stays away
# The storm abates when so few transfers are left that every blow would fall on the same ones.
_CALM_AGAIN = 0.05
_TELL = 30.0


class Storm:
    """Sends `orders`, kills until all transfers are over, and restarts the database once.

    The restart comes when half the transfers are over. `over` says whether all of them were
    within `seconds`; processes are then all up again.
    """

    def __init__(
        self, place: Place, orders: list[tuple[str, dict[str, Any]]], seed: int, before: set[str]
    ) -> None:
        self._place = place
        self._wanted = len(orders)
        self._before = before
        self._clients = Clients(place.url, orders, seed)
        self._tormentor = Tormentor(place.supervisor, place.data, seed)
        self._restarted = False
        self.seconds = 0.0
        self._load = 0.0

    def rage(self, seconds: float) -> bool:
        """Until all is over, or `seconds` have passed; whether all is over."""
        began = time.monotonic()
        looked = told = over = 0
        while not (over >= self._wanted and not self._clients.busy()):
            self.seconds = time.monotonic() - began
            if self.seconds > seconds:
                return False
            self._place.supervisor.tend()
            if over < self._wanted * (1 - _CALM_AGAIN):
                self._tormentor.strike()
            if self.seconds - looked > 1:
                looked, over = self.seconds, self._over()
                self._load = max(self._load, os.getloadavg()[0])
                self._restart_at_half(over)
            if self.seconds - told > _TELL:
                told = self.seconds
                print(f"  {told:.0f} s: {over} of {self._wanted} are over", flush=True)
            time.sleep(_LOOK)
        self._place.supervisor.wait_until_ready(self._place.url)
        return True

    @property
    def started(self) -> dict[str, str]:
        """Transfers, and the names of their orders, as the clients know them."""
        return self._clients.started

    def account(self) -> dict[str, Any]:
        """Whom it hit, and what the clients saw of it."""
        return {
            "seconds": round(self.seconds),
            "highest_load": round(self._load, 1),
            "kills": dict(sorted(self._tormentor.kills.items())),
            "database_restarts": int(self._restarted),
            "process_starts": self._place.supervisor.starts,
            "requests_given_up_before_their_answer": self._clients.hung_up,
            "requests_sent_again_after_the_client_gave_up": self._clients.sent_again,
            "client_errors": self._clients.errors,
        }

    def _over(self) -> int:
        try:
            states = self._place.history.states()
        except DBAPIError:  # the connection was one to the server that has crashed
            return 0
        return sum(state in _FINAL for id, state in states.items() if id not in self._before)

    def _restart_at_half(self, over: int) -> None:
        if self._restarted or over < self._wanted / 2:
            return
        self._restarted = True
        database = self._place.database
        if database.crash is None or database.start is None:
            self._tormentor.strike_everything()
            return
        database.crash()
        time.sleep(_DOWN)
        database.start()
