"""Disks that are full soon: a file system in memory, where this machine lets tests mount one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.afterwards import afterwards

SMALL = 16 * 1024**2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 16 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    with afterwards(shlex.join(["umount", "--lazy", str(folder)])):
        yield folder


def fill(disk: Path, leaving: int) -> None:
    """Write a file that leaves so many bytes free."""
    with (disk / "ballast").open("wb") as ballast:
        left = shutil.disk_usage(disk).free - leaving
        while left > 0:
            left -= ballast.write(bytes(min(left, 1024**2)))
