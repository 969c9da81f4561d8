"""Counts and texts of live traffic in the tables."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.evaluations import RecordedText, Trait, TraitCounts
from app.store import evaluations, models, retention
from tests.support.records import a_model


@pytest.fixture
def model_id(sessions: sessionmaker[Session]) -> str:
    model = a_model()
    with sessions.begin() as session:
        models.insert(session, model)
    return model.id


def _labels(**counts: int) -> TraitCounts:
    return {Trait.LABEL: Counter(counts)}


def _text(model_id: str, rank: int) -> RecordedText:
    return RecordedText(model_id, "2026-01-01", rank, "ja", "de", ("yes",), 0.9)


def test_what_several_processes_count_adds_up(
    sessions: sessionmaker[Session], model_id: str
) -> None:
    for day, counts in (
        ("2026-01-01", _labels(yes=2, no=1)),
        ("2026-01-01", _labels(yes=3)),
        ("2026-01-02", _labels(no=4)),
    ):
        with sessions.begin() as session:
            evaluations.add_traffic(session, {(model_id, day): counts})

    with sessions.begin() as session:
        assert evaluations.traffic_since(session, model_id, "2026-01-01") == _labels(yes=5, no=5)
        assert evaluations.traffic_since(session, model_id, "2026-01-02") == _labels(no=4)


def test_what_was_counted_of_a_deleted_model_is_dropped(
    sessions: sessionmaker[Session], model_id: str
) -> None:
    with sessions.begin() as session:
        evaluations.add_traffic(session, {("mdl_gone", "2026-01-01"): _labels(yes=1)})
        evaluations.keep_texts(session, [_text("mdl_gone", 1)], 5)
        evaluations.add_traffic(session, {(model_id, "2026-01-01"): _labels(yes=1)})
        models.delete(session, model_id)
        assert evaluations.traffic_since(session, model_id, "2026-01-01") == {}


def test_the_texts_of_the_lowest_ranks_stay(sessions: sessionmaker[Session], model_id: str) -> None:
    for ranks in ((5, 1, 9), (7, 3, 2**61)):
        with sessions.begin() as session:
            evaluations.keep_texts(session, [_text(model_id, rank) for rank in ranks], 3)

    with sessions.begin() as session:
        kept = evaluations.least_sure_texts(session, model_id, "2026-01-01", 10)
    assert [text.rank for text in kept] == [1, 3, 5]


def test_days_that_ended_before_a_moment_are_old(
    sessions: sessionmaker[Session], model_id: str
) -> None:
    moment = datetime(2026, 1, 3, 12, tzinfo=UTC)
    with sessions.begin() as session:
        for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
            evaluations.add_traffic(session, {(model_id, day): _labels(yes=1)})
        evaluations.keep_texts(session, [_text(model_id, 1)], 3)
        assert retention.old_days(session, moment) == ["2026-01-01", "2026-01-02"]
        assert retention.drop_days(session, ["2026-01-01", "2026-01-02"], moment) == 3
        assert evaluations.traffic_since(session, model_id, "2026-01-01") == _labels(yes=1)
