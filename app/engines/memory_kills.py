"""How many processes of this container or service the system has killed for want of memory."""

from __future__ import annotations

from pathlib import Path

_OWN_GROUPS = Path("/proc/self/cgroup")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


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
