"""The local engine: each order in a child process of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

from app.engines.contract import Order
from app.engines.memory_kills import memory_kills

LABEL_VARIABLE = "BABELPORT_CHILD"


class LocalEngine:
    """Starts orders as child processes, each the leader of a process group of its own."""

    def start(self, order: Order) -> LocalProcess:
        """Begin to carry out the order; the child dies when this process does."""
        kills = memory_kills()
        return LocalProcess(start_child(order), kills)


class LocalProcess:
    """A child process; its standard input stays open as long as this process lives.

    `memory_kills` is the system's count of kills for want of memory when the child started.
    """

    def __init__(self, process: subprocess.Popen[bytes], memory_kills: int | None = None) -> None:
        self._process = process
        self._memory_kills = memory_kills

    @property
    def group(self) -> int:
        """The process group, which is the child's own process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, minus a signal's number when one ended it, or None while it runs."""
        return self._process.poll()

    def died_of_memory(self) -> bool:
        """Whether SIGKILL ended the child while the system's count of such kills grew."""
        if self._process.poll() != -signal.SIGKILL or self._memory_kills is None:
            return False
        return (memory_kills() or 0) > self._memory_kills

    def stop(self, grace: float) -> None:
        """End the whole group: SIGTERM, and after `grace` seconds SIGKILL."""
        self._ask_to_end(grace)
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def _ask_to_end(self, seconds: float) -> None:
        """SIGTERM to what still runs, and so many seconds to follow it."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self.group, number)


def start_child(order: Order) -> subprocess.Popen[bytes]:
    """The process that carries out `order`, with its standard input for us to keep open."""
    order.log.parent.mkdir(parents=True, exist_ok=True)
    with order.log.open("ab") as log:
        process = subprocess.Popen(
            # The label stands in the command line for people, in the environment for us.
            [sys.executable, "-m", "app.engines.child", order.label],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **order.environment, LABEL_VARIABLE: order.label},
        )
    line = json.dumps({"target": order.target, "arguments": order.arguments}) + "\n"
    # A child that died before it read its order is found by `poll`, like any other death.
    with suppress(BrokenPipeError):
        assert process.stdin is not None
        process.stdin.write(line.encode())
        process.stdin.flush()
    return process
