"""How long do lists of transfers take when there are 100,000? On both databases.

    python -m benchmarks.listing --postgres URL [--transfers 100000]

URL is an empty PostgreSQL database; the SQLite file is the benchmark's own. Each is filled with
transfers whose results are as large as real ones, 10,000 of them waiting. The milliseconds are
those of a client of a real API process on the same machine; claims and `anything waits`, which a
worker asks, are those of the database. Once without the indices of migration 0005, once with.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import Engine, Index, text

from app.cli.processes import free_port
from app.store import job_queue, transfers
from app.store.database import open_database, session_factory
from app.store.migrations import upgrade
from app.store.schema import metadata
from benchmarks.listing_fill import fill
from benchmarks.record import record

_NEW = {
    "ix_jobs_kind_state_created_at_id",
    "ix_transfers_source_model_id_created_at_id",
    "ix_jobs_finished_at",
    "ix_jobs_turn",
}
_OLD = {
    "ix_jobs_state_created_at": "jobs (state, created_at)",
    "ix_transfers_source_model_id": "transfers (source_model_id)",
    "ix_jobs_state_tenant_priority_created_at": "jobs (state, tenant, priority, created_at)",
}
_REPEATS = 60
_CLAIMS = 40
_DEEP = 250  # pages of 200: the middle of 100,000


def main() -> None:
    """Fill, measure twice on each database, and write `results/listing.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--transfers", type=int, default=100_000)
    options = parser.parse_args()
    started = time.monotonic()
    figures: dict[str, Any] = {"transfers": options.transfers}
    with tempfile.TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{folder}/listing.sqlite", "postgresql": options.postgres}
        for name, url in urls.items():
            figures[name] = _on(url, options.transfers, Path(folder))
            print(name, figures[name])
    figures["seconds"] = round(time.monotonic() - started)
    record("listing", figures)


def _on(url: str, rows: int, folder: Path) -> dict[str, Any]:
    upgrade(url)
    engine = open_database(url)
    known = fill(engine, rows)
    found: dict[str, Any] = {}
    loads = []
    for when in ("before", "after"):
        _set_indices(engine, present=when == "after")
        with _api(url, folder) as address:
            found[when] = _requests(address, known) | _queue(engine)
        loads.append(os.getloadavg()[0])
    found["load"] = {"highest": round(max(loads), 1)}
    engine.dispose()
    return found


def _set_indices(engine: Engine, present: bool) -> None:
    with engine.begin() as connection:
        for index in _new_indices():
            (index.create if present else index.drop)(connection, checkfirst=True)
        for name, columns in _OLD.items():
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
            if not present:
                connection.execute(text(f"CREATE INDEX {name} ON {columns}"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _new_indices() -> list[Index]:
    indices = [index for table in metadata.tables.values() for index in table.indexes]
    return [index for index in indices if index.name in _NEW]


def _requests(address: str, known: dict[str, str]) -> dict[str, dict[str, float]]:
    with httpx2.Client(base_url=address, timeout=60) as client:
        deep = _cursor_in_the_middle(client)
        asked = {
            "first page": "/v1/transfers",
            "first page of 200": "/v1/transfers?limit=200",
            "state succeeded": "/v1/transfers?state=succeeded",
            "state failed (2 in 100)": "/v1/transfers?state=failed",
            "state running (none)": "/v1/transfers?state=running",
            "model that many start from": f"/v1/transfers?model={known['many']}",
            "model that one made": f"/v1/transfers?model={known['one']}",
            "the middle": f"/v1/transfers?cursor={deep}",
            "the middle, state failed": f"/v1/transfers?state=failed&cursor={deep}",
            "one transfer": f"/v1/transfers/{known['transfer']}",
            "events of one transfer": f"/v1/transfers/{known['transfer']}/events",
        }
        return {name: _times(lambda path=path: _get(client, path)) for name, path in asked.items()}


def _queue(engine: Engine) -> dict[str, dict[str, float]]:
    def claim() -> None:
        with session_factory(engine).begin() as session:
            assert job_queue.claim(session, transfers.KIND, "host/1/a", 3600, 3) is not None

    def look() -> None:
        with session_factory(engine, reads_only=True)() as session:
            job_queue.anything_waits(session, transfers.KIND)

    return {"claim": _times(claim, _CLAIMS), "anything waits": _times(look)}


def _cursor_in_the_middle(client: httpx2.Client) -> str:
    cursor = ""
    for _ in range(_DEEP):
        after = {"cursor": cursor} if cursor else {}
        page = client.get("/v1/transfers", params={"limit": 200, **after}).json()
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    return cursor


def _get(client: httpx2.Client, path: str) -> None:
    client.get(path).raise_for_status()


def _times(call: Callable[[], None], repeats: int = _REPEATS) -> dict[str, float]:
    call()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    median, p95 = np.quantile(taken, [0.5, 0.95])
    return {"median": round(float(median), 1), "p95": round(float(p95), 1)}


@contextmanager
def _api(url: str, folder: Path) -> Iterator[str]:
    port = free_port("127.0.0.1", 8200)
    environment = os.environ | {
        "BABELPORT_DATA_DIR": str(folder),
        "BABELPORT_DATABASE_URL": url,
        "BABELPORT_PORT": str(port),
    }
    command = [sys.executable, "-m", "app.cli.main", "api"]
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/ready", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            assert process.poll() is None, "the API ended"
        time.sleep(0.1)
    raise TimeoutError(url)


if __name__ == "__main__":
    main()
