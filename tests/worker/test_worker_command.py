"""`babelport worker`, as a process that an operator starts and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.support.waiting import wait_for


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_ends_with_status_zero(
    one_database_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr, _start(one_database_url, tmp_path, stderr) as process:
        try:
            # From this line on it listens to signals.
            wait_for(lambda: "waits for jobs" in log.read_text())
            process.send_signal(how)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_worker_without_tables_says_what_to_run(tmp_path: Path) -> None:
    with _start(f"sqlite:///{tmp_path / 'empty.sqlite'}", tmp_path) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "babelport migrate" in said


def _start(
    url: str, folder: Path, stderr: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    ours = {"BABELPORT_DATABASE_URL": url, "BABELPORT_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "app.cli.main", "worker"]
    return subprocess.Popen(command, env={**os.environ, **ours}, stderr=stderr, text=True)
