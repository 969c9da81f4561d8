"""Rows and bytes come and go together, on both kinds of database."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.services.artifacts import drop_unused, publish
from app.services.context import Context, open_context
from app.settings import Settings
from app.store import models
from tests.support.records import a_model


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> Context:
    """A context over an empty store."""
    return open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))


def _file(context: Context, text: str = "bytes") -> Path:
    file = context.artifacts.temporary / f"{text}-{threading.get_ident()}"
    file.write_text(text)
    return file


def test_bytes_stay_with_the_row_that_was_committed(context: Context) -> None:
    with context.sessions.begin() as session:
        [digest] = publish(context, session, [_file(context)])
        models.insert(session, a_model(sha256=digest))
    drop_unused(context, digest)
    assert context.artifacts.exists(digest)


def test_bytes_leave_with_the_row_that_was_rolled_back(context: Context) -> None:
    with context.sessions.begin() as session:
        digests = publish(context, session, [_file(context, "one"), _file(context, "two")])
        models.insert(session, a_model(sha256=digests[0]))
        session.rollback()
    assert not any(context.artifacts.exists(digest) for digest in digests)


def test_a_rollback_leaves_the_bytes_that_another_row_has(context: Context) -> None:
    with context.sessions.begin() as session:
        [digest] = publish(context, session, [_file(context)])
        models.insert(session, a_model(sha256=digest))
    with context.sessions.begin() as session:
        publish(context, session, [_file(context)])
        session.rollback()
    assert context.artifacts.exists(digest)


def test_dropping_waits_for_a_registration_of_the_same_bytes(context: Context) -> None:
    with context.sessions.begin() as session:
        [digest] = publish(context, session, [_file(context)])
        dropping = threading.Thread(target=drop_unused, args=(context, digest))
        dropping.start()
        models.insert(session, a_model(sha256=digest))
    dropping.join(timeout=30)
    assert not dropping.is_alive()
    assert context.artifacts.exists(digest)
