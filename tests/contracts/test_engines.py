"""What every engine promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engines.contract import Engine, Order, Running
from app.engines.local import LocalEngine
from tests.support.waiting import wait_for

_CHILDREN = "tests.support.transfer_children"


@pytest.fixture(params=[LocalEngine])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    made: Engine = request.param()
    return made


@pytest.fixture
def started() -> Iterator[list[Running]]:
    """What a test started; stopped at its end."""
    running: list[Running] = []
    yield running
    for process in running:
        process.stop(grace=0)


def test_an_order_runs_with_its_arguments_its_label_and_its_log(
    engine: Engine, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    running = engine.start(_order("write_a_line", tmp_path, file=str(trace)))
    assert wait_for(lambda: running.poll() is not None)
    assert running.poll() == 0
    assert trace.read_text() == "a-label-1"
    assert "printed by the child" in (tmp_path / "logs" / "log").read_text()


def test_an_exception_gives_exit_code_one_and_its_traceback_in_the_log(
    engine: Engine, tmp_path: Path
) -> None:
    running = engine.start(_order("raise_an_error", tmp_path))
    assert wait_for(lambda: running.poll() is not None)
    assert running.poll() == 1
    assert "ValueError: on purpose" in (tmp_path / "logs" / "log").read_text()


def test_the_child_leads_a_process_group_of_its_own(
    engine: Engine, tmp_path: Path, started: list[Running]
) -> None:
    running = engine.start(_order("leave_a_grandchild", tmp_path, **_grandchild(tmp_path)))
    started.append(running)
    assert running.group != os.getpgrp()
    assert os.getpgid(_grandchild_pid(tmp_path)) == running.group


def test_stopping_ends_the_whole_group(engine: Engine, tmp_path: Path) -> None:
    running = engine.start(_order("leave_a_grandchild", tmp_path, **_grandchild(tmp_path)))
    grandchild = _grandchild_pid(tmp_path)
    running.stop(grace=10)
    assert running.poll() == -signal.SIGTERM
    wait_for(lambda: not _lives(grandchild))


def test_a_child_that_ignores_the_gentle_way_is_ended_by_force(
    engine: Engine, tmp_path: Path
) -> None:
    arguments = _grandchild(tmp_path, ignore_sigterm=True)
    running = engine.start(_order("leave_a_grandchild", tmp_path, **arguments))
    grandchild = _grandchild_pid(tmp_path)
    running.stop(grace=0.1)
    assert running.poll() == -signal.SIGKILL
    wait_for(lambda: not _lives(grandchild))


def test_stopping_what_has_ended_is_no_error(engine: Engine, tmp_path: Path) -> None:
    running = engine.start(_order("raise_an_error", tmp_path))
    wait_for(lambda: running.poll() is not None)
    running.stop(grace=1)
    running.stop(grace=1)
    assert running.poll() == 1


def test_the_whole_group_dies_with_a_killed_parent(engine: Engine, tmp_path: Path) -> None:
    program = (
        f"import pathlib, signal\n"
        f"from {type(engine).__module__} import {type(engine).__name__} as E\n"
        f"from app.engines.contract import Order\n"
        f"E().start(Order('{_CHILDREN}:leave_a_grandchild', {_grandchild(tmp_path)!r}, "
        f"'a-label-1', pathlib.Path({str(tmp_path / 'log')!r})))\n"
        f"signal.pause()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    try:
        grandchild = _grandchild_pid(tmp_path)
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not _lives(grandchild))


def _order(function: str, folder: Path, **arguments: object) -> Order:
    target = f"{_CHILDREN}:{function}"
    return Order(target, arguments, label="a-label-1", log=folder / "logs" / "log")


def _grandchild(folder: Path, ignore_sigterm: bool = False) -> dict[str, object]:
    return {"file": str(folder / "grandchild"), "ignore_sigterm": ignore_sigterm}


def _grandchild_pid(folder: Path) -> int:
    file = folder / "grandchild"
    wait_for(file.exists)
    return int(file.read_text())


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
