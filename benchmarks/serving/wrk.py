"""Closed-loop load by `wrk`: so many connections, each asking again as soon as it is answered."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("wrk.lua")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Load:
    """What wrk saw: answered requests per second, milliseconds, and what went wrong.

    `refused` counts answers whose status is no success, `broken` lost connections and timeouts.
    Every answer counts as a request, so `succeeded` leaves the refused out.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int

    @property
    def succeeded(self) -> int:
        """Requests that were answered as they should be."""
        return self.requests - self.refused

    @property
    def rate(self) -> float:
        """Of these, per second."""
        return self.succeeded / self.seconds


def run_wrk(url: str, bodies: Path, connections: int, seconds: float, skipped: int = 0) -> Load:
    """Load `url` with the lines of `bodies`, `skipped` of them left out at first.

    One thread, so that each server is sent the same requests in the same order.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s"]
    command += [f"--timeout={_PATIENCE_SECONDS}s", "-s", str(_SCRIPT), url, "--"]
    command += [str(bodies), str(skipped)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
    if done.returncode:
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")
    return read_load(done.stdout)


def read_load(printed: str) -> Load:
    """The load of what `wrk.lua` printed; ValueError without a result."""
    lines = [line for line in printed.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise ValueError(f"wrk printed no result: {printed}")
    found = json.loads(lines[-1].removeprefix("RESULT "))
    return Load(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        p50_ms=found["p50"] / 1e3,
        p99_ms=found["p99"] / 1e3,
        refused=found["refused"],
        broken=found["broken"],
    )
