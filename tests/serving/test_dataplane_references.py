"""What references mean is asked of the database once, and known for a moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from app.serving import dataplane
from app.serving.dataplane import ReferenceCache


class Database:
    """Counts questions; answers with what `meaning` is when asked, once `open` is set."""

    def __init__(self) -> None:
        self.lookups: list[str] = []
        self.meaning = "first"
        self.open = threading.Event()
        self.open.set()
        self.now = 0.0

    def look_up(self, reference: str) -> str:
        self.lookups.append(reference)
        found = self.meaning
        assert self.open.wait(10)
        if reference == "nobody":
            raise LookupError(reference)
        return found

    def references(self, seconds: float = 1.0) -> ReferenceCache[str]:
        return ReferenceCache(self.look_up, seconds, lambda: self.now)


def test_many_who_ask_at_once_share_one_question() -> None:
    database = Database()

    async def scenario() -> None:
        known = database.references()
        assert await asyncio.gather(*(known.find("a") for _ in range(50))) == ["first"] * 50
        assert await known.find("a") == "first"

    asyncio.run(scenario())
    assert database.lookups == ["a"]


def test_no_answer_is_older_than_its_time_and_none_waits_while_it_is_renewed() -> None:
    database = Database()

    async def scenario() -> None:
        known = database.references()
        assert await known.find("a") == "first"
        database.meaning = "second"
        database.now = 0.4
        assert await known.find("a") == "first"
        assert len(database.lookups) == 1
        database.open.clear()
        database.now = 0.6
        assert await known.find("a") == "first"  # does not wait for the closed database
        await _until(lambda: len(database.lookups) == 2)
        database.open.set()
        await _until_answer(known, "second")
        assert len(database.lookups) == 2
        database.meaning, database.now = "third", 1.7
        assert await known.find("a") == "third"

    asyncio.run(scenario())


def test_what_is_forgotten_is_looked_up_even_where_a_question_is_on_its_way() -> None:
    database = Database()

    async def scenario() -> None:
        known = database.references()
        database.open.clear()
        early = asyncio.create_task(known.find("a"))
        await _until(lambda: len(database.lookups) == 1)
        database.meaning = "second"
        known.forget()
        late = asyncio.create_task(known.find("a"))
        await _until(lambda: len(database.lookups) == 2)
        database.open.set()
        assert (await early, await late) == ("first", "second")
        assert await known.find("a") == "second"

    asyncio.run(scenario())


def test_an_error_is_told_to_all_who_asked_and_not_kept() -> None:
    database = Database()

    async def scenario() -> None:
        known = database.references()
        for _ in range(2):
            both = await asyncio.gather(
                known.find("nobody"), known.find("nobody"), return_exceptions=True
            )
            assert [type(error) for error in both] == [LookupError, LookupError]

    asyncio.run(scenario())
    assert database.lookups == ["nobody", "nobody"]


def test_one_who_goes_away_does_not_take_the_answer_along() -> None:
    database = Database()

    async def scenario() -> None:
        known = database.references()
        database.open.clear()
        leaving = asyncio.create_task(known.find("a"))
        staying = asyncio.create_task(known.find("a"))
        await _until(lambda: len(database.lookups) == 1)
        leaving.cancel()
        database.open.set()
        assert await staying == "first"

    asyncio.run(scenario())
    assert database.lookups == ["a"]


def test_it_knows_a_bounded_number_of_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataplane, "_MOST_REFERENCES", 3)
    database = Database()

    async def scenario() -> None:
        known = database.references()
        for reference in "abcd":
            await known.find(reference)
        assert len(known._entries) == 3
        await known.find("d")
        assert len(database.lookups) == 4
        await known.find("a")
        assert len(database.lookups) == 5

    asyncio.run(scenario())


async def _until(what: Callable[[], bool]) -> None:
    for _ in range(2000):
        if what():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


async def _until_answer(known: ReferenceCache[str], wanted: str) -> None:
    for _ in range(2000):
        if await known.find("a") == wanted:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"never heard {wanted}")
