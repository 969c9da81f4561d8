"""Telling a child killed for want of memory from one killed by anybody."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.engines import local
from app.engines.local import LocalProcess


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's counter of a control group, at 4 kills."""
    groups = tmp_path / "cgroup"
    file = groups / "service" / "memory.events"
    file.parent.mkdir(parents=True)
    file.write_text("low 0\noom 9\noom_kill 4\noom_group_kill 0\n")
    own = tmp_path / "own"
    own.write_text("0::/service\n")
    monkeypatch.setattr(local, "_OWN_GROUPS", own)
    monkeypatch.setattr(local, "_CONTROL_GROUPS", groups)
    return file


@pytest.mark.parametrize(("kills", "of_memory"), [(4, False), (5, True)])
def test_only_a_growing_count_makes_a_kill_one_for_want_of_memory(
    counter: Path, kills: int, of_memory: bool
) -> None:
    killed = _killed_child()
    counter.write_text(f"oom_kill {kills}\n")
    assert killed.died_of_memory() is of_memory


def test_version_one_of_control_groups_counts_too(
    tmp_path: Path, counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_text("12:cpu,cpuacct:/\n11:memory:/service\n")
    first = tmp_path / "cgroup" / "memory" / "service"
    first.mkdir(parents=True)
    (first / "memory.oom_control").write_text("under_oom 0\noom_kill 7\n")
    assert local.memory_kills() == 7


def test_without_a_counter_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_OWN_GROUPS", tmp_path / "nothing")
    assert local.memory_kills() is None
    assert not _killed_child().died_of_memory()


def _killed_child() -> LocalProcess:
    kills = local.memory_kills()
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    process.send_signal(signal.SIGKILL)
    process.wait()
    return LocalProcess(process, kills)
