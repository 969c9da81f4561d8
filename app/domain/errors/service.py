"""Errors about starting the service's own processes."""

from __future__ import annotations

from app.domain.errors import Unavailable


class PortTaken(Unavailable):
    """Another program listens where the API should."""

    code = "port-taken"

    def __init__(self, host: str, port: int, setting: str = "BABELPORT_PORT") -> None:
        super().__init__(
            f"Another program already listens on {host}:{port}.",
            f"Stop it, or choose another port: {setting}={port + 1}.",
            host=host,
            port=port,
        )


class ServiceNotReady(Unavailable):
    """The API or the worker ended, or was not ready in time."""

    code = "service-not-ready"

    def __init__(self, part: str, log: str) -> None:
        ending = f" Its last words:\n{log}" if log else ""
        super().__init__(
            f"The {part} did not become ready.{ending}",
            "Look at the log above; `babelport migrate` creates missing tables.",
            part=part,
        )
