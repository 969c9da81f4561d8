"""Samples of live traffic that the database cannot take now, or never."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domain.evaluations import TrafficSample, Trait
from app.services.context import Context, open_context
from app.services.traffic import TrafficRecorder
from app.settings import Settings
from app.store import evaluations, models
from app.store.database import open_database, session_factory
from tests.support.records import a_model


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    """A database with two models, `texts` and `others`; texts are recorded."""
    settings = Settings(data_dir=tmp_path / "var", database_url=database_url, record_texts=True)
    opened = open_context(settings)
    with opened.sessions.begin() as session:
        for name in ("texts", "others"):
            models.insert(session, replace(a_model(name=name), id=f"mdl_{name}"))
    return opened


def _sample(name: str, label: str = "a") -> TrafficSample:
    return TrafficSample(f"mdl_{name}", "Where is the station?", (label,), 0.5)


def _counted(context: Context, name: str) -> int:
    with context.readers() as session:
        found = evaluations.traffic_since(session, f"mdl_{name}", "")
    return sum(found.get(Trait.LABEL, {}).values())


def test_samples_are_counted_and_their_texts_kept(context: Context) -> None:
    recorder = TrafficRecorder(context)
    recorder.take([_sample("texts"), _sample("texts", "b"), _sample("others")])
    recorder.flush()
    recorder.flush()
    assert (_counted(context, "texts"), _counted(context, "others")) == (2, 1)
    with context.readers() as session:
        assert len(evaluations.least_sure_texts(session, "mdl_texts", "", 9)) == 2


def test_samples_wait_while_every_connection_is_in_use(context: Context) -> None:
    wide = open_database(context.settings.url)
    engine = create_engine(wide.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    recorder = TrafficRecorder(replace(context, sessions=session_factory(engine)))
    recorder.take([_sample("texts")])
    with engine.connect(), pytest.raises(PoolTimeout):
        recorder.flush()
    recorder.take([_sample("texts")])
    recorder.flush()
    assert _counted(context, "texts") == 2


def test_a_sample_that_the_database_refuses_stops_no_other_model(context: Context) -> None:
    recorder = TrafficRecorder(context)
    recorder.take([_sample("others", "half a pair: \ud800"), _sample("texts")])
    recorder.flush()
    recorder.take([_sample("texts")])
    recorder.flush()
    assert (_counted(context, "texts"), _counted(context, "others")) == (2, 0)
