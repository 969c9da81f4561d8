"""The service's processes, watched as a supervisor of the operating system would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx2

_ROOT = Path(__file__).parents[2]
_STOP_SECONDS = 30.0
_READY_SECONDS = 90.0
# As systemd or a container's restart policy would wait.
_PAUSE = 1.0


class Supervisor:
    """Starts `babelport api` and `babelport worker`s, and again each one that has ended.

    `environment` is laid over this process's own. What a process prints goes to `logs`.
    """

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment = os.environ | environment
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}
        self.starts = 0

    def start(self, name: str) -> None:
        """Start `api`, or a worker of any other name."""
        command = "api" if name == "api" else "worker"
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "app.cli.main", command],
                cwd=_ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self.starts += 1

    def kill(self, name: str) -> bool:
        """SIGKILL to one process, which `tend` starts again; False where it is down already."""
        process = self._running[name]
        if process.poll() is not None:
            return False
        process.kill()
        process.wait()
        return True

    def names(self) -> list[str]:
        """Of all processes, the API's first."""
        return list(self._running)

    def tend(self) -> None:
        """Start what has ended, a pause after that was seen; to be called often."""
        for name, process in list(self._running.items()):
            if process.poll() is None:
                continue
            if time.monotonic() >= self._due.setdefault(name, time.monotonic() + _PAUSE):
                del self._due[name]
                self.start(name)

    def wait_until_ready(self, url: str) -> None:
        """Tend until the API answers; raises TimeoutError."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            self.tend()
            try:
                if httpx2.get(f"{url}/ready", timeout=5).is_success:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"the API was not ready within {_READY_SECONDS} s; see {self._logs}")

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that take too long."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
