"""Four times what a server can answer: how much comes in time, and how the rest is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.serving.server import Server
from benchmarks.serving.wrk import run_wrk

TIMES = 4
TIMEOUT_MS = 2000
_PEAK_CONNECTIONS = 64
_ROOT = Path(__file__).parents[2]


def overload(server: Server, bodies: Path, seconds: float, pairs: int) -> dict[str, Any]:
    """Measure peak and overload in turn; `server` is running, and no other is."""
    rows = [_pair(server, bodies, seconds) for _ in range(pairs)]
    return {
        "times": TIMES,
        "timeout_ms": TIMEOUT_MS,
        "goodput_by_peak": median(row["in_time_per_second"] / row["peak"] for row in rows),
        "pairs": rows,
    }


def _pair(server: Server, bodies: Path, seconds: float) -> dict[str, Any]:
    url = server.url + server.dialect.path
    peak = run_wrk(url, bodies, _PEAK_CONNECTIONS, seconds).rate
    server.settle()
    command = [sys.executable, "-m", "benchmarks.serving.open_loop", url, str(bodies)]
    command += [str(TIMES * peak), str(seconds), str(TIMEOUT_MS)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    server.settle()
    return {"peak": peak} | json.loads(done.stdout)
