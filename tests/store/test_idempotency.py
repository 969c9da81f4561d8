"""Answers kept under Idempotency-Keys, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.requests import KeyTaken
from app.domain.identity import now
from app.store import idempotency, transfers
from app.store.idempotency import StoredResponse
from tests.support.records import queue_a_transfer

Sessions = sessionmaker[Session]
_ANSWER = StoredResponse(
    "key-1", "POST", "/v1/models", "digest", 201, {"location": "/v1/models/m"}, "{}", now()
)


def test_an_answer_comes_back_under_its_key_and_address_alone(sessions: Sessions) -> None:
    with sessions() as session:
        idempotency.insert(session, _ANSWER)
        idempotency.insert(session, replace(_ANSWER, path="/v1/datasets"))
        assert idempotency.get(session, "key-1", "POST", "/v1/models") == _ANSWER
        assert idempotency.get(session, "key-2", "POST", "/v1/models") is None
        assert idempotency.get(session, "key-1", "POST", "/v1/transfers") is None
        with pytest.raises(KeyTaken):
            idempotency.insert(session, _ANSWER)


def test_one_key_creates_one_record_however_many_ask_at_once(sessions: Sessions) -> None:
    workers = 5
    together = threading.Barrier(workers)

    def ask(_: int) -> str | None:
        together.wait(30)
        try:
            with sessions.begin() as session:
                id = queue_a_transfer(session).id
                idempotency.insert(session, _ANSWER)
        except KeyTaken:
            return None
        return id

    with ThreadPoolExecutor(workers) as pool:
        made = [id for id in pool.map(ask, range(workers)) if id]
    assert len(made) == 1
    with sessions() as session:
        assert [transfer.id for transfer in transfers.page(session, 10).items] == made
