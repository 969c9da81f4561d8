"""A server under measurement: started as its users start it, paused while others are measured."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx2
import psutil

from benchmarks.serving.dialects import Dialect

_READY_SECONDS = 180.0
_STOP_SECONDS = 20.0
_SETTLE_SECONDS = 15.0
_QUIET_SECONDS = 0.25
_QUIET_CPU_SECONDS = 0.03


@dataclass(frozen=True)
class Start:
    """What starts a server: its command, and what is added to the environment."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path  # where it runs, with its log
    url: str
    dialect: Dialect
    about: dict[str, object] = field(default_factory=dict)  # its settings, for the record


class Server:
    """A running server with all processes that it started; stopped at the end of the block.

    What has not ended by itself within `stop_seconds` is killed.
    """

    def __init__(self, start: Start, stop_seconds: float = _STOP_SECONDS) -> None:
        self.name, self.url, self.dialect = start.name, start.url, start.dialect
        self.start, self._stop_seconds = start, stop_seconds
        start.folder.mkdir(parents=True, exist_ok=True)
        self._log = start.folder / f"{start.name}.log"
        with self._log.open("wb") as log:
            self._process = psutil.Popen(
                start.command,
                env=os.environ | start.environment,
                cwd=start.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """Of the process that the command started."""
        return int(self._process.pid)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.resume()
        tree = self._tree()
        with suppress(psutil.NoSuchProcess):
            self._process.terminate()
        _, left = psutil.wait_procs(tree, self._stop_seconds)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, _STOP_SECONDS)
        # What was started by a process that ended before its children.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until_it_answers(self) -> None:
        """Return when it has answered a prediction, the model loaded; SystemExit when it cannot."""
        self._wait(lambda client: self.ask(client, "Is anyone there?"))

    def wait_until_ready(self, path: str) -> None:
        """Return when `path` is answered; SystemExit when it never is."""
        self._wait(lambda client: client.get(self.url + path))

    def ask(self, client: httpx2.Client, text: str) -> httpx2.Response:
        """Send one text."""
        body = self.dialect.encoded(text).encode()
        headers = {"content-type": "application/json"}
        return client.post(self.url + self.dialect.path, content=body, headers=headers)

    def pause(self) -> None:
        """Stop all its processes where they are (SIGSTOP), so that they take no processor."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its processes go on."""
        self._signal(signal.SIGCONT)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Resumed for the time of the block."""
        self.resume()
        try:
            yield
        finally:
            self.pause()

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far, those that ended included."""
        total = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total

    def settle(self) -> None:
        """Return when it has computed what clients gave up, or after a quarter of a minute."""
        deadline, spent = time.monotonic() + _SETTLE_SECONDS, self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(_QUIET_SECONDS)
            before, spent = spent, self.cpu_seconds()
            if spent - before <= _QUIET_CPU_SECONDS:
                return

    def _wait(self, ask: Callable[[httpx2.Client], httpx2.Response]) -> None:
        deadline, said = time.monotonic() + _READY_SECONDS, "nothing"
        with httpx2.Client(timeout=_READY_SECONDS) as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                with suppress(httpx2.TransportError):
                    answer = ask(client)
                    if answer.status_code == httpx2.codes.OK:
                        return
                    said = answer.text
                time.sleep(0.2)
        last = self._log.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{self.name} does not answer but {said}:\n{last}")

    def _signal(self, number: signal.Signals) -> None:
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _tree(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []
