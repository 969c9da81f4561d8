"""Finding the processes of one service by its data folder, which stands in their environment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.engines.local import LABEL_VARIABLE


@dataclass(frozen=True)
class Process:
    """A running process: its id, its command line, and whether it carries out a transfer."""

    id: int
    command: str
    is_child: bool


def processes_of(data: Path) -> list[Process]:
    """Every process whose BABELPORT_DATA_DIR is `data`; needs Linux's /proc."""
    mine, label = f"BABELPORT_DATA_DIR={data}".encode(), f"{LABEL_VARIABLE}=".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            if mine not in environment:
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            child = any(entry.startswith(label) for entry in environment)
            found.append(Process(int(folder.name), command.strip(), child))
    return found
