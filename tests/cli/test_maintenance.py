"""`babelport prune`, as somebody types it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from app.domain.identity import now
from app.services.context import open_context
from app.settings import Settings
from app.store import idempotency
from app.store.idempotency import StoredResponse


def test_pruning_says_what_it_dropped_and_gives_the_room_back(
    tmp_path: Path, sqlite_url: str
) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    context = open_context(Settings(data_dir=tmp_path / "var", database_url=sqlite_url))
    with context.sessions.begin() as session:
        for number in range(100):
            old = now() - timedelta(days=3)
            answer = StoredResponse(str(number), "POST", "/", "digest", 201, {}, "x" * 10_000, old)
            idempotency.insert(session, answer)
    context.sessions.kw["bind"].dispose()
    before = file.stat().st_size
    environment = os.environ | {
        "BABELPORT_DATA_DIR": str(tmp_path / "var"),
        "BABELPORT_DATABASE_URL": sqlite_url,
    }
    command = [sys.executable, "-m", "app.cli.main", "prune"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "100 keys" in done.stdout
    assert file.stat().st_size < before / 2
