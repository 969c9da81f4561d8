"""A Ray cluster of the tests' own: one machine, a few declared CPUs, gone when they end."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.afterwards import afterwards
from tests.support.ports import free_port
from tests.support.waiting import wait_for

_ROOT = Path(__file__).parents[2]
_RAY = Path(sys.executable).parent / "ray"
_OPTIONS = {
    "num-cpus": "4",
    "include-dashboard": "false",
    "object-store-memory": str(80 * 1024**2),
}


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of a cluster for all tests of this process, which hold its token."""
    # A short path of its own: Ray's sockets lie below it, and their names may not be long.
    home = Path(tempfile.mkdtemp(prefix="ray-"))
    with pytest.MonkeyPatch.context() as patch:
        # It listens beyond loopback, and whoever reaches it may run code: not without the token.
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(24))
        port = free_port()
        cluster = _start(home, port)
        kill = f"kill -s KILL -- -{cluster.pid}; rm -rf {shlex.quote(str(home))}"
        with afterwards(kill):
            wait_for(lambda: "Ray runtime started" in (home / "log").read_text(), 60)
            yield f"127.0.0.1:{port}"
        cluster.wait(30)


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    options = _OPTIONS | {
        "port": str(port),
        "ray-client-server-port": str(free_port()),
        "temp-dir": str(home),
    }
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [_RAY, "start", "--head", "--block", *(f"--{k}={v}" for k, v in options.items())],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=home,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        )
