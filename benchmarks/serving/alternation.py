"""Servers measured in turn, again and again, so that all see the machine at all its moods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.serving.server import Server
from benchmarks.serving.wrk import Load, run_wrk

_WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Turn:
    """One server in one alternation: what wrk saw, and the server's processor time in seconds."""

    server: str
    load: Load
    cpu_seconds: float

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time for each request that succeeded."""
        return 1000 * self.cpu_seconds / max(1, self.load.succeeded)


def alternate(
    servers: Sequence[Server],
    bodies: dict[str, Path],
    connections: int,
    seconds: float,
    alternations: int,
    between: Callable[[], None] = lambda: None,
) -> list[Turn]:
    """Measure all servers, one after the other, `alternations` times.

    `bodies` by server. All other servers are paused meanwhile. Each alternation begins at another
    of the requests, the same for every server. `between` is called after each alternation.
    """
    turns = []
    for number in range(alternations):
        for server in servers:
            skipped = number * 397
            turns.append(_turn(server, bodies[server.name], connections, seconds, skipped))
        between()
    return turns


def medians(turns: Sequence[Turn]) -> dict[str, dict[str, Any]]:
    """For each server the medians over its turns, and the sums of what went wrong."""
    return {
        name: _median(of_server(turns, name)) for name in dict.fromkeys(t.server for t in turns)
    }


def of_server(turns: Sequence[Turn], name: str) -> list[Turn]:
    """The turns of one server, in order."""
    return [turn for turn in turns if turn.server == name]


def _turn(server: Server, bodies: Path, connections: int, seconds: float, skipped: int) -> Turn:
    url = server.url + server.dialect.path
    server.resume()
    run_wrk(url, bodies, connections, _WARM_UP_SECONDS, skipped + 1000)
    server.settle()
    before = server.cpu_seconds()
    load = run_wrk(url, bodies, connections, seconds, skipped)
    turn = Turn(server.name, load, server.cpu_seconds() - before)
    server.settle()
    server.pause()
    return turn


def _median(turns: Sequence[Turn]) -> dict[str, Any]:
    loads = [turn.load for turn in turns]
    return {
        "requests_per_second": median(load.rate for load in loads),
        "p50_ms": median(load.p50_ms for load in loads),
        "p99_ms": median(load.p99_ms for load in loads),
        "cpu_ms_per_request": median(turn.cpu_ms for turn in turns),
        "refused": sum(load.refused for load in loads),
        "broken": sum(load.broken for load in loads),
    }
