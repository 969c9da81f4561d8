"""What is counted under aliases adds up in the database, on both kinds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.aliases import AnswerCounts, ComparisonCounts, Disagreement, combine_counts
from app.store import aliases, models
from app.store.aliases import MOST_DISAGREEMENTS
from tests.support.records import a_model, an_alias

Sessions = sessionmaker[Session]
_ANSWER = ("tickets", "champion", "mdl_1")
_PAIR = (*_ANSWER, "mdl_2")
_ANSWERS = AnswerCounts(1, 2, 3, 0.5, 0.25)
_COMPARED = ComparisonCounts(1, 2, 1, 3, 4, 0.5, 0.375, 0.25, 0.125)


@pytest.fixture
def counted(sessions: Sessions) -> Sessions:
    """Sessions on a database with the alias tickets@champion."""
    with sessions.begin() as session:
        model = a_model()
        models.insert(session, model)
        aliases.point(session, an_alias(model))
    return sessions


def test_counts_add_up_and_the_largest_difference_stays(counted: Sessions) -> None:
    smaller = ComparisonCounts(requests=1, difference_max=0.125)
    with counted() as session:
        for comparison in (_COMPARED, smaller):
            aliases.add_counts(session, {_ANSWER: _ANSWERS}, {_PAIR: comparison}, [])
        [answers] = aliases.model_tallies(session, "tickets", "champion")
        [pair] = aliases.shadow_tallies(session, "tickets", "champion", 5)
    assert answers.counts == combine_counts(_ANSWERS, _ANSWERS) == AnswerCounts(2, 4, 6, 1.0, 0.5)
    assert pair.counts == combine_counts(_COMPARED, smaller)
    assert (pair.counts.requests, pair.counts.difference_max) == (2, 0.375)
    assert pair.disagreements == ()


def test_several_who_count_at_once_lose_nothing(counted: Sessions) -> None:
    together = threading.Barrier(4)

    def count(_: int) -> None:
        together.wait(30)
        for _ in range(5):
            with counted.begin() as session:
                aliases.add_counts(session, {_ANSWER: _ANSWERS}, {_PAIR: _COMPARED}, [])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    with counted() as session:
        [answers] = aliases.model_tallies(session, "tickets", "champion")
    assert answers.counts.inputs == 40


def test_of_disagreements_the_newest_stay(counted: Sessions) -> None:
    many = [_disagreement(number) for number in range(MOST_DISAGREEMENTS + 30)]
    with counted() as session:
        for part in (many[:20], many[20:]):
            aliases.add_counts(session, {}, {_PAIR: _COMPARED}, part)
        [pair] = aliases.shadow_tallies(session, "tickets", "champion", 1000)
        [few] = aliases.shadow_tallies(session, "tickets", "champion", 3)
    assert list(pair.disagreements) == many[:29:-1]
    assert few.disagreements == pair.disagreements[:3]


def test_what_belongs_to_an_alias_that_is_gone_is_dropped(counted: Sessions) -> None:
    counts = ({_ANSWER: _ANSWERS}, {_PAIR: _COMPARED}, [_disagreement(0)])
    with counted() as session:
        aliases.add_counts(session, *counts)
        assert aliases.remove(session, "tickets", "champion")
        aliases.add_counts(session, *counts)
        assert aliases.model_tallies(session, "tickets", "champion") == []
        assert aliases.shadow_tallies(session, "tickets", "champion", 5) == []


def test_single_answers_go_with_their_model(counted: Sessions) -> None:
    model = a_model(name="others")
    theirs = replace(_disagreement(0), shadow_model_id=model.id)
    with counted() as session:
        models.insert(session, model)
        aliases.add_counts(session, {}, {_PAIR: _COMPARED}, [_disagreement(1)])
        aliases.add_counts(session, {}, {(*_ANSWER, model.id): _COMPARED}, [theirs])
        models.delete(session, model.id)
        kept = aliases.shadow_tallies(session, "tickets", "champion", 5)
    assert sorted(len(pair.disagreements) for pair in kept) == [0, 1]


def _disagreement(number: int) -> Disagreement:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Disagreement(f"dsg_{number}", *_PAIR, at, {"label": "no"}, {"label": "yes"})
