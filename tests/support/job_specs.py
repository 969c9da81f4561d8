"""Orders for the engines' tests, whose children leave a process id in a file."""

from __future__ import annotations

from pathlib import Path

from app.engines.contract import JobSpec
from tests.support.waiting import wait_for

CHILDREN = "tests.support.transfer_children"


def a_job_spec(function: str, folder: Path, **arguments: object) -> JobSpec:
    """The function of `tests.support.transfer_children`, with its log at `logs/log`."""
    target = f"{CHILDREN}:{function}"
    return JobSpec(target, arguments, label="a-label-1", log=folder / "logs" / "log")


def pid_in(file: Path) -> int:
    """The process id that a child writes there."""
    wait_for(file.exists)
    return int(file.read_text())


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
