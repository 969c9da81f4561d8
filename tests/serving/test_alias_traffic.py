"""Counts of aliases that the database cannot take now, or never."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from app.domain.aliases import AnswerCounts, ComparisonCounts, Disagreement
from app.domain.identity import new_id, now
from app.services.context import Context, open_context
from app.serving.alias_traffic import AliasTrafficCounter
from app.settings import Settings
from app.store import aliases, models
from app.store.database import open_database, session_factory
from tests.support.records import a_model, an_alias

_ONE = AnswerCounts(requests=1, inputs=1, confidence_sum=0.5)
_TOO_MANY = AnswerCounts(requests=2**80)


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    """A database with the aliases tickets@champion and orders@champion."""
    opened = open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))
    with opened.sessions.begin() as session:
        for name in ("tickets", "orders"):
            model = a_model(name=name)
            models.insert(session, model)
            aliases.point(session, an_alias(model))
    return opened


def test_counts_that_the_database_refuses_stop_no_other_alias(context: Context) -> None:
    async def scenario(tally: AliasTrafficCounter) -> None:
        tally.answered(("orders", "champion", "mdl_1"), _TOO_MANY)
        tally.answered(("tickets", "champion", "mdl_1"), _ONE)
        await tally.write()
        tally.answered(("tickets", "champion", "mdl_1"), _ONE)

    _run(context, scenario)
    assert _requests(context, "tickets") == 2
    assert _requests(context, "orders") == 0


def test_a_number_that_is_none_is_never_added(context: Context) -> None:
    async def scenario(tally: AliasTrafficCounter) -> None:
        for sum_ in (math.nan, 0.5, math.inf):
            tally.answered(("tickets", "champion", "mdl_1"), replace(_ONE, confidence_sum=sum_))
        pair = ("tickets", "champion", "mdl_1", "mdl_2")
        tally.compared(pair, ComparisonCounts(difference_sum=math.nan), [])

    _run(context, scenario)
    with context.readers() as session:
        [counted] = aliases.model_tallies(session, "tickets", "champion")
        assert aliases.shadow_tallies(session, "tickets", "champion", 5) == []
    assert counted.counts == _ONE


def test_a_disagreement_that_is_refused_costs_none_of_the_counts(context: Context) -> None:
    pair = ("tickets", "champion", "mdl_1", "mdl_2")
    one = Disagreement(new_id("dsg"), *pair, at=now(), answer={}, shadow_answer={})

    async def scenario(tally: AliasTrafficCounter) -> None:
        tally.answered(("orders", "champion", "mdl_1"), _ONE)
        tally.compared(pair, ComparisonCounts(requests=1), [one, one])  # one id twice

    _run(context, scenario)
    with context.readers() as session:
        [found] = aliases.shadow_tallies(session, "tickets", "champion", 5)
    assert (found.counts.requests, found.disagreements) == (1, ())
    assert _requests(context, "orders") == 1


def test_counts_wait_while_every_connection_is_in_use(context: Context) -> None:
    narrow, held = _narrow(context)

    async def scenario(tally: AliasTrafficCounter) -> None:
        tally.answered(("tickets", "champion", "mdl_1"), _ONE)
        await tally.write()
        tally.answered(("tickets", "champion", "mdl_1"), _ONE)
        held.close()

    _run(narrow, scenario)
    assert _requests(context, "tickets") == 2


def test_whoever_is_cancelled_while_counts_are_written_takes_none_along(context: Context) -> None:
    narrow, held = _narrow(context)

    async def scenario(tally: AliasTrafficCounter) -> None:
        tally.answered(("tickets", "champion", "mdl_1"), _ONE)
        writing = asyncio.create_task(tally.write())
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await tally.write()  # begins when the one before has given up
        held.close()

    _run(narrow, scenario)
    assert _requests(context, "tickets") == 1


def _narrow(context: Context) -> tuple[Context, Connection]:
    """The same with a single connection, and that connection, in use."""
    wide = open_database(context.settings.url)
    engine = create_engine(wide.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    return replace(context, sessions=session_factory(engine)), engine.connect()


def _run(context: Context, scenario: Callable[[AliasTrafficCounter], Awaitable[None]]) -> None:
    async def run() -> None:
        tally = AliasTrafficCounter(context)
        await scenario(tally)
        await tally.close()

    asyncio.run(run())


def _requests(context: Context, name: str) -> int:
    with context.readers() as session:
        found = aliases.model_tallies(session, name, "champion")
    return sum(one.counts.requests for one in found)
