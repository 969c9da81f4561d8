"""The local engine: each job in a child process of this machine, and what is left of dead ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from app.engines.contract import JobSpec

LABEL_VARIABLE = "BABELPORT_CHILD"
_PROCESSES = Path("/proc")
_OWN_GROUPS = Path("/proc/self/cgroup")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


class LocalEngine:
    """Starts jobs as child processes, each the leader of a process group of its own."""

    def start(self, spec: JobSpec) -> LocalProcess:
        """Begin to carry out the job; the child dies when this process does."""
        kills = memory_kills()
        return LocalProcess(start_child(spec), kills)


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
        self._terminate(grace)
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def _terminate(self, seconds: float) -> None:
        """SIGTERM to what still runs, and so many seconds to follow it."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self.group, number)


def start_child(spec: JobSpec) -> subprocess.Popen[bytes]:
    """The process that carries out `spec`, with its standard input for us to keep open."""
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab") as log:
        process = subprocess.Popen(
            # The label stands in the command line for people, in the environment for us.
            [sys.executable, "-m", "app.engines.child", spec.label],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **spec.environment, LABEL_VARIABLE: spec.label},
        )
    line = json.dumps({"target": spec.target, "arguments": spec.arguments}) + "\n"
    # A child that died before it read its line is found by `poll`, like any other death.
    with suppress(BrokenPipeError):
        assert process.stdin is not None
        process.stdin.write(line.encode())
        process.stdin.flush()
    return process


def end_leftovers(group: int, label: str) -> bool:
    """Kill the process group when one of its processes carries `label`; whether it did.

    Process ids are given again, so the number alone proves nothing. Where the system has no
    /proc (macOS) nothing is killed; there the child's own watch over its parent must do.
    """
    if not any(_carries(process, label) for process in _members(group)):
        return False
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return True


def _members(group: int) -> list[Path]:
    found = []
    for folder in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(folder.name)) == group:
                found.append(folder)
    return found


def _carries(process: Path, label: str) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{LABEL_VARIABLE}={label}".encode() in environment


def memory_kills() -> int | None:
    """The kernel's counter for our control group, version 2 or 1; None where there is none.

    A child that ended by SIGKILL while this number grew was killed for want of memory; without
    the counter one cannot tell that from any other SIGKILL.
    """
    for file in _counters():
        for line in _lines(file):
            name, _, value = line.partition(" ")
            if name == "oom_kill" and value.strip().isdigit():
                return int(value)
    return None


def _counters() -> list[Path]:
    found = []
    for line in _lines(_OWN_GROUPS):
        _, controllers, path = line.split(":", 2)
        inside = path.strip().lstrip("/")
        if controllers == "":
            found += [_CONTROL_GROUPS / inside / "memory.events", _CONTROL_GROUPS / "memory.events"]
        elif "memory" in controllers.split(","):
            first = _CONTROL_GROUPS / "memory"
            found += [first / inside / "memory.oom_control", first / "memory.oom_control"]
    return found


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
