"""The files into which the children of transfers and lesser jobs write what they say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from app.settings import Settings


def attempt_log(settings: Settings, label: str) -> Path:
    """The file of the attempt with this label; its folder need not exist."""
    return settings.data_dir / "logs" / f"{label}.log"


def drop_logs(settings: Settings, before: datetime) -> int:
    """Delete the files that nothing was written to since `before`; how many there were."""
    old = [
        file
        for file in attempt_log(settings, "any").parent.glob("*_*.log")
        if file.stat().st_mtime < before.timestamp()
    ]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
