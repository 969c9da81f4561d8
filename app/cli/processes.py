"""An API and a worker as child processes: started on a free port, watched, stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import httpx2

from app.cli.progress import step
from app.domain.errors.service import PortTaken, ServiceNotReady
from app.settings import Settings

_READY_SECONDS = 90.0
# Beyond the time in which the parts drain.
_STOP_MARGIN_SECONDS = 10.0


class RunningService:
    """A running API and worker; `url` is the API's address."""

    def __init__(self, url: str, children: dict[str, subprocess.Popen[bytes]]) -> None:
        self.url = url
        self._children = children

    def ended(self) -> str | None:
        """The name of a part that ended by itself, if one did."""
        parts = self._children.items()
        return next((name for name, child in parts if child.poll() is not None), None)


@contextmanager
def running_service(settings: Settings, logs: Path | None) -> Iterator[RunningService]:
    """An API on `settings.host:port` and a worker, both ready, for the time of the block.

    Their output goes to files in `logs`, or to standard output when that is None. SIGTERM ends the
    block as Ctrl-C does. Raises `PortTaken` and `ServiceNotReady`.
    """
    if not is_free(settings.host, settings.port):
        raise PortTaken(settings.host, settings.port)
    with ExitStack() as opened:
        opened.enter_context(_sigterm_as_interrupt())
        children: dict[str, subprocess.Popen[bytes]] = {}
        opened.callback(_stop, children, settings.drain_seconds + _STOP_MARGIN_SECONDS)
        service = RunningService(
            f"http://{_reachable_host(settings.host)}:{settings.port}", children
        )
        with step("Starting the API and a worker") as progress:
            for name in ("api", "worker"):
                children[name] = _start(name, settings, logs)
            _wait_until_ready(service, logs, progress)
        yield service


def _start(name: str, settings: Settings, logs: Path | None) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "BABELPORT_DATA_DIR": str(settings.data_dir.resolve()),
        "BABELPORT_DATABASE_URL": settings.database_url,
        "BABELPORT_HOST": settings.host,
        "BABELPORT_PORT": str(settings.port),
    }
    command = [sys.executable, "-m", "app.cli.main", name]
    # A process group of its own: Ctrl-C reaches this process alone, which stops the parts in order.
    if logs is None:
        return subprocess.Popen(command, env=environment, process_group=0)
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, process_group=0
        )


def _wait_until_ready(
    service: RunningService, logs: Path | None, progress: Callable[[float], None]
) -> None:
    started = time.monotonic()
    while (waited := time.monotonic() - started) < _READY_SECONDS:
        if (name := service.ended()) is not None:
            raise ServiceNotReady(name, _last_lines(logs, name))
        progress(min(0.95, waited / 10))
        try:
            if httpx2.get(f"{service.url}/ready", timeout=2).status_code == 200:
                progress(1.0)
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise ServiceNotReady("api", _last_lines(logs, "api"))


def _stop(children: dict[str, subprocess.Popen[bytes]], seconds: float) -> None:
    for child in reversed(children.values()):
        if child.poll() is None:
            child.terminate()
    for child in children.values():
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reachable_host(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def _last_lines(logs: Path | None, name: str) -> str:
    if logs is None:
        return ""
    lines = (logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-15:])


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host`:`port` now."""
    with socket.socket() as probe:
        # As servers do, so that connections of a server that just ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, preferred: int) -> int:
    """`preferred` where it is free, otherwise one that the system chooses."""
    if is_free(host, preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
