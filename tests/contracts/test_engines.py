"""What every engine promises."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engines.contract import Engine, RunningJob
from app.engines.local import LocalEngine
from app.engines.ray import RayEngine, RayNeeds
from tests.support.job_specs import CHILDREN, a_job_spec, lives, pid_in
from tests.support.waiting import wait_for


@pytest.fixture(params=["local", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    if request.param == "local":
        return LocalEngine()
    return RayEngine(RayNeeds(request.getfixturevalue("ray_address")))


@pytest.fixture
def started() -> Iterator[list[RunningJob]]:
    """What a test started; stopped at its end."""
    running: list[RunningJob] = []
    yield running
    for process in running:
        process.stop(grace=0)


def test_an_order_runs_with_its_arguments_its_label_and_its_log(
    engine: Engine, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    running = engine.start(a_job_spec("write_a_line", tmp_path, file=str(trace)))
    assert wait_for(lambda: running.poll() is not None)
    assert running.poll() == 0
    assert trace.read_text() == "a-label-1"
    assert "printed by the child" in (tmp_path / "logs" / "log").read_text()


def test_an_exception_gives_exit_code_one_and_its_traceback_in_the_log(
    engine: Engine, tmp_path: Path
) -> None:
    running = engine.start(a_job_spec("raise_an_error", tmp_path))
    assert wait_for(lambda: running.poll() is not None)
    assert running.poll() == 1
    assert "ValueError: on purpose" in (tmp_path / "logs" / "log").read_text()


def test_the_process_of_a_job_that_is_killed_is_told_as_killed(
    engine: Engine, tmp_path: Path, started: list[RunningJob]
) -> None:
    running = engine.start(a_job_spec("never_end", tmp_path, file=str(tmp_path / "pid")))
    started.append(running)
    subprocess.run(["kill", "-KILL", str(pid_in(tmp_path / "pid"))], check=True)
    assert wait_for(lambda: running.poll() is not None)
    assert running.poll() == -signal.SIGKILL
    assert not running.died_of_memory()


def test_stopping_ends_it(engine: Engine, tmp_path: Path) -> None:
    running = engine.start(a_job_spec("never_end", tmp_path, file=str(tmp_path / "pid")))
    pid = pid_in(tmp_path / "pid")
    running.stop(grace=20)
    assert running.poll() == -signal.SIGTERM
    wait_for(lambda: not lives(pid))


def test_what_hears_of_the_stop_may_save_its_state_and_end_by_itself(
    engine: Engine, tmp_path: Path
) -> None:
    running = engine.start(
        a_job_spec("end_orderly_when_asked", tmp_path, file=str(tmp_path / "pid"))
    )
    pid_in(tmp_path / "pid")
    running.stop(grace=20)
    assert running.poll() == 0
    assert "saved" in (tmp_path / "logs" / "log").read_text()


def test_what_ignores_the_gentle_way_is_ended_by_force(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    running = engine.start(a_job_spec("never_end", tmp_path, file=str(file), ignore_sigterm=True))
    pid = pid_in(file)
    running.stop(grace=0.1)
    assert running.poll() == -signal.SIGKILL
    wait_for(lambda: not lives(pid))


def test_stopping_what_has_ended_is_no_error(engine: Engine, tmp_path: Path) -> None:
    running = engine.start(a_job_spec("raise_an_error", tmp_path))
    wait_for(lambda: running.poll() is not None)
    running.stop(grace=1)
    running.stop(grace=1)
    assert running.poll() == 1


def test_an_order_dies_with_the_process_that_gave_it(engine: Engine, tmp_path: Path) -> None:
    spec = a_job_spec("never_end", tmp_path, file=str(tmp_path / "pid"), ignore_sigterm=True)
    given = f"'a-label-1', pathlib.Path({str(spec.log)!r})"
    program = (
        f"import pathlib, signal\n"
        f"from {type(engine).__module__} import *\n"
        f"from app.engines.contract import JobSpec\n"
        f"engine = {_as_code(engine)}\n"
        f"engine.start(JobSpec('{CHILDREN}:never_end', {spec.arguments!r}, {given}))\n"
        f"signal.pause()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    try:
        pid = pid_in(tmp_path / "pid")
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not lives(pid))


def _as_code(engine: Engine) -> str:
    needs = f"{engine.needs!r}" if isinstance(engine, RayEngine) else ""
    return f"{type(engine).__name__}({needs})"
