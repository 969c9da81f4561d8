"""A full disk is recognised, whichever library met it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from app.artifacts.disk_space import DiskSpace, is_disk_full
from app.domain.errors.requests import ArchiveDamaged
from app.domain.errors.service import DiskFull
from tests.support.small_disks import fill


def test_the_reserve_is_not_given_away(tmp_path: Path) -> None:
    DiskSpace(tmp_path, 0).require(1)
    with pytest.raises(DiskFull) as caught:
        DiskSpace(tmp_path, 2**60).require(1)
    assert caught.value.fields["needed_bytes"] == 1


def test_a_full_device_is_recognised_also_as_the_cause_of_something_else() -> None:
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(OSError, match="No space") as caught,
    ):
        full.write(b"x")
    damaged = ArchiveDamaged("it ends too early")
    damaged.__cause__ = caught.value
    assert is_disk_full(caught.value)
    assert is_disk_full(damaged)


def test_what_libraries_say_of_a_full_disk_is_recognised(small_disk: Path) -> None:
    database = sqlite3.connect(small_disk / "rows.sqlite")
    database.execute("CREATE TABLE texts (text)")
    database.commit()
    fill(small_disk, leaving=100_000)
    with pytest.raises(SafetensorError) as weights:
        save_file({"w": torch.ones(1_000_000)}, small_disk / "weights")
    fill(small_disk, leaving=0)
    with pytest.raises(sqlite3.OperationalError) as row:
        database.execute("INSERT INTO texts VALUES (?)", ("x" * 10_000_000,))
    database.close()
    assert is_disk_full(weights.value)
    assert is_disk_full(row.value)


def test_other_errors_are_no_full_disk() -> None:
    assert not is_disk_full(FileNotFoundError(2, "No such file or directory"))
    assert not is_disk_full(ValueError("full"))
