"""A service of the benchmark's own: a fresh folder, a free port, an API and a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.cli.processes import free_port, running_service
from app.settings import Settings
from app.store.migrations import upgrade


@contextmanager
def scratch_service() -> Iterator[str]:
    """The URL of a service that is stopped, with its data, at the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder), database_url="", port=free_port("127.0.0.1", 8100)
        )
        upgrade(settings.url)
        with running_service(settings, Path(folder) / "logs") as service:
            yield service.url
