"""What the worker's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a worker that gives up leases and graces quickly."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        poll_seconds=0.02,
        stop_grace_seconds=0.2,
        drain_seconds=20,
        lease_seconds=2,
    )
