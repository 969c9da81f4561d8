"""A service of the benchmark's own: a fresh folder, a free port, an API and a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def running_service(start_seconds: float = 120.0) -> Iterator[str]:
    """The URL of a service that ends with the block; its log is printed when it does not start."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        environment = os.environ | {
            "BABELPORT_DATA_DIR": folder,
            "BABELPORT_PORT": str(port),
            "BABELPORT_DATABASE_URL": "",
        }
        log = Path(folder) / "service.log"
        with log.open("w") as output:
            command = [sys.executable, "-m", "app.cli.main", "up"]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url, process, log, start_seconds)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, process: subprocess.Popen, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/ready", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit(f"The service did not start:\n{log.read_text()}")
