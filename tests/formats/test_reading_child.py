"""Uploads are read in a process that can do no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import RejectedFile
from app.domain.errors.requests import (
    ReadingCrashed,
    ReadingRefused,
    ReadingTookTooLong,
    ReadingTookTooMuchMemory,
)
from app.formats.reading_child import read_in_child
from tests.support.waiting import wait_for

PLENTY = 4 * 1024**3


def read(name: str, seconds: float = 30.0, memory: int = PLENTY, **arguments: Any) -> Any:
    return read_in_child(f"tests.support.reading_targets:{name}", arguments, seconds, memory)


def test_the_answer_comes_back_whatever_libraries_print() -> None:
    assert read("echo", text="größer als ₂", number=1.5, rows=[1, None]) == {
        "text": "größer als ₂",
        "number": 1.5,
        "rows": [1, None],
    }


def test_an_answer_may_be_larger_than_a_pipe() -> None:
    assert len(read("large", size=3_000_000)["text"]) == 3_000_000


def test_the_child_sees_no_gpu_and_our_folder() -> None:
    assert read("surroundings") == {"cuda": "", "folder": os.getcwd()}


def test_a_refusal_comes_back_as_itself() -> None:
    with pytest.raises(ReadingRefused) as caught:
        read("refuse")
    error = caught.value.as_dict()
    assert isinstance(caught.value, RejectedFile)
    assert error["code"] == "archive-unsafe"
    assert error["fields"] == {"member": "../x"}
    assert "../x" in error["message"]
    assert error["advice"]


def test_an_unforeseen_failure_is_reported_by_its_kind() -> None:
    with pytest.raises(ReadingCrashed, match="LookupError: no such thing"):
        read("fail")


def test_reading_stops_at_its_time_limit() -> None:
    with pytest.raises(ReadingTookTooLong):
        read("wait", seconds=0.5)


def test_reading_stops_at_its_memory_limit() -> None:
    with pytest.raises(ReadingTookTooMuchMemory):
        read("hoard", memory=512 * 1024**2)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGKILL, ReadingTookTooMuchMemory),
        (signal.SIGXCPU, ReadingTookTooLong),
        (signal.SIGABRT, ReadingCrashed),
    ],
)
def test_a_signal_is_reported_as_what_it_means(number: int, error: type[RejectedFile]) -> None:
    with pytest.raises(error):
        read("run_out", number=int(number))


def test_a_crash_or_a_silent_end_is_reported() -> None:
    with pytest.raises(ReadingCrashed, match="SIGSEGV"):
        read("crash")
    with pytest.raises(ReadingCrashed, match="exit code 3"):
        read("leave")


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    order = f"""
from app.formats.reading_child import read_in_child
target = "tests.support.reading_targets:wait_with_pid"
read_in_child(target, {{"file": {str(file)!r}}}, 60, {PLENTY})
"""
    parent = subprocess.Popen([sys.executable, "-c", order])
    try:
        child = int(wait_for(lambda: file.is_file() and file.read_text()))
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_no_more_than_two_uploads_are_read_at_once(tmp_path: Path) -> None:
    def meet(mark: str) -> int:
        return int(read("meet", folder=str(tmp_path), mark=mark, wanted=3)["seen"])

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(meet, "abcd")) <= 2
