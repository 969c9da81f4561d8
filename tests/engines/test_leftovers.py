"""Only processes that carry our label are ended as leftovers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.engines.local import LABEL_VARIABLE, end_leftovers

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")


def test_a_group_that_carries_the_label_is_killed() -> None:
    with _sleeper("trf_1-1") as process:
        assert end_leftovers(process.pid, "trf_1-1")
        assert process.wait(10) == -signal.SIGKILL


def test_a_group_with_the_label_of_another_attempt_lives_on() -> None:
    with _sleeper("trf_1-2") as process:
        assert not end_leftovers(process.pid, "trf_1-1")
        assert process.poll() is None


def test_a_group_that_is_gone_is_no_error() -> None:
    with _sleeper("trf_1-1") as process:
        process.kill()
        process.wait()
        assert not end_leftovers(process.pid, "trf_1-1")


@contextmanager
def _sleeper(label: str) -> Iterator[subprocess.Popen[bytes]]:
    program = "import signal; print(flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        start_new_session=True,
        env={**os.environ, LABEL_VARIABLE: label},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # its environment stands once it runs
        yield process
    finally:
        process.kill()
        process.wait()
