"""However many read a transfer's events, the database is asked once in a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.api import transfer_events
from app.api.transfer_events import TransferFeed
from app.domain.jobs import Progress
from app.services.context import Context, open_context
from app.settings import Settings
from app.store import job_queue, transfers
from tests.support.records import queue_a_transfer

_READERS = 300


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    """A context over a database with three transfers."""
    return open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))


@pytest.fixture
def ids(context: Context) -> list[str]:
    """Three transfers that are running."""
    found = []
    with context.sessions.begin() as session:
        for _ in range(3):
            queue_a_transfer(session)
            claimed = job_queue.claim(session, transfers.KIND, "worker", 60, 3)
            assert claimed is not None
            found.append(claimed.id)
    return found


@contextmanager
def _counted(context: Context) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    engine = context.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


class _Looks:
    """Lets the poller's looks at the database be waited for."""

    def __init__(self, feed: TransferFeed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0
        original = feed._read

        def read(positions: Any) -> Any:
            self.number += 1
            return original(positions)

        monkeypatch.setattr(feed, "_read", read)

    async def more(self, number: int) -> None:
        wanted = self.number + number
        while self.number < wanted:
            await asyncio.sleep(0.01)


async def _kinds(stream: AsyncIterator[Any], kinds: list[str]) -> None:
    async for one in stream:
        kinds.append(str(one.event))


async def _until(what: Callable[[], bool]) -> None:
    while not what():
        await asyncio.sleep(0.01)


def _write(context: Context, id: str, kind: str) -> None:
    with context.sessions.begin() as session:
        job_queue.append_event(session, id, kind, {})


def test_three_hundred_readers_cost_one_statement_a_look(
    context: Context, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        feed = TransferFeed(context, threading.Event())
        looks = _Looks(feed, monkeypatch)
        kinds: list[list[str]] = [[] for _ in range(_READERS)]
        readers = [
            asyncio.create_task(_kinds(feed.follow(ids[number % 3], 0), kinds[number]))
            for number in range(_READERS)
        ]
        await _until(lambda: all(one == ["queued", "running"] for one in kinds))
        with _counted(context) as statements:
            before = looks.number
            await looks.more(3)
            # A look that is under way at either end may be counted or not.
            assert abs(len(statements) - (looks.number - before)) <= 1
        with _counted(context) as statements:
            await asyncio.to_thread(_write, context, ids[0], "epoch")
            await _until(lambda: all(one[-1] == "epoch" for one in kinds[::3]))
            reading = [one for one in statements if "job_events" in one]
            assert len(reading) == 1
        assert all(one == ["queued", "running"] for one in kinds[1::3])
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await feed.close()

    asyncio.run(scenario())


def test_a_reader_that_comes_later_gets_the_history_that_others_have_read(
    context: Context, ids: list[str]
) -> None:
    async def scenario() -> None:
        feed = TransferFeed(context, threading.Event())
        late: list[str] = []
        early: list[str] = []
        reading = [asyncio.create_task(_kinds(feed.follow(ids[0], 2), late))]
        await asyncio.to_thread(_write, context, ids[0], "epoch")
        await _until(lambda: late == ["epoch"])
        reading.append(asyncio.create_task(_kinds(feed.follow(ids[0], 0), early)))
        await _until(lambda: len(early) == 3)
        with context.sessions.begin() as session:
            transfers.succeed(session, ids[0], 1, "mdl_new", {})
        await asyncio.gather(*reading)
        assert late == ["epoch", "succeeded"]
        assert early == ["queued", "running", "epoch", "succeeded"]
        await feed.close()

    asyncio.run(scenario())


def test_a_long_history_is_read_in_parts(
    context: Context, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_events, "_MOST_EVENTS", 4)
    monkeypatch.setattr(transfer_events, "_MOST_TRANSFERS", 2)
    with context.sessions.begin() as session:
        for id in ids:
            for number in range(7):
                job_queue.append_event(session, id, f"epoch-{number}", {})
            job_queue.record_progress(session, id, 1, Progress("training", 0.5, 1.0))
            transfers.succeed(session, id, 1, f"mdl_{id}", {})
    wanted = ["queued", "running", *(f"epoch-{number}" for number in range(7)), "succeeded"]

    async def scenario() -> None:
        feed = TransferFeed(context, threading.Event())
        kinds: list[list[str]] = [[] for _ in ids]
        await asyncio.gather(
            *(_kinds(feed.follow(id, 0), one) for id, one in zip(ids, kinds, strict=True))
        )
        assert kinds == [wanted] * 3
        await feed.close()

    asyncio.run(scenario())
