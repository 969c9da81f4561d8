"""A wire to a service that breaks: a TCP relay whose first connections lose their answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class BrokenWire:
    """Relays to `url`; the first `failures` connections end when their answer comes back."""

    def __init__(self, url: str, failures: int) -> None:
        target = urlsplit(url)
        self._target = (str(target.hostname), int(target.port or 80))
        self._failures = failures
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            broken = self.connections <= self._failures
            service = socket.create_connection(self._target)
            threading.Thread(target=_relay, args=(client, service), daemon=True).start()
            threading.Thread(target=_relay, args=(service, client, broken), daemon=True).start()


@contextmanager
def broken_wire(url: str, failures: int) -> Iterator[BrokenWire]:
    """A relay for the time of a test."""
    wire = BrokenWire(url, failures)
    try:
        yield wire
    finally:
        wire.close()


def _relay(source: socket.socket, target: socket.socket, broken: bool = False) -> None:
    """Pass bytes on until one side ends, or, `broken`, until there would be any."""
    try:
        while (received := source.recv(65536)) and not broken:
            target.sendall(received)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                end.close()
