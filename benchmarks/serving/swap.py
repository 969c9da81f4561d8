"""A champion that changes every second under load: is any request lost?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from app.client import Client
from benchmarks.serving.dialects import MODEL
from benchmarks.serving.server import Server
from benchmarks.serving.wrk import run_wrk

_ALIAS = "champion"
_CONNECTIONS = 16
_EVERY_SECONDS = 1.0


def swap(server: Server, bodies: Path, seconds: float) -> dict[str, Any]:
    """Load `topics@champion` while it points to one version and the other in turn."""
    over, moves = threading.Event(), [0]
    with Client(server.url) as client:
        client.aliases.point(MODEL, _ALIAS, 1)
        mover = threading.Thread(target=_move, args=(client, over, moves))
        mover.start()
        try:
            url = f"{server.url}/v1/models/{MODEL}@{_ALIAS}/predict"
            load = run_wrk(url, bodies, _CONNECTIONS, seconds)
        finally:
            over.set()
            mover.join()
    return {
        "requests": load.requests,
        "failed": load.refused + load.broken,
        "swaps": moves[0],
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
    }


def _move(client: Client, over: threading.Event, moves: list[int]) -> None:
    while not over.wait(_EVERY_SECONDS):
        client.aliases.point(MODEL, _ALIAS, 2 - moves[0] % 2)
        moves[0] += 1
