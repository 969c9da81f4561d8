"""More than can be answered, answers that come too late, and clients that left."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import httpx
import pytest

from app.settings import Settings
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for

_PLACES = 4
_BODY = json.dumps({"input": SENTENCES[0]}).encode()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Service]:
    """A service with few places, whose model is loaded."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("service"),
        database_url=module_database_url,
        max_waiting_inputs=_PLACES,
    )
    file = zipped(a_text_classifier(tmp_path_factory.mktemp("model") / "intents"))
    with running_service(settings) as service:
        service.client.models.upload(file, name="intents", language="en")
        service.client.predict("intents", [SENTENCES[0]])
        yield service


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_what_finds_no_place_is_refused_at_once_and_the_rest_is_answered(narrow, threads):
    with _halted(narrow):
        asked = [threads.submit(_ask, narrow) for _ in range(_PLACES + 3)]
        refused = _first(asked, 3)
        for answer in refused:
            assert answer.status_code == 429
            assert answer.json()["code"] == "queue-full"
            assert int(answer.headers["retry-after"]) >= 1
        assert narrow.predictor.admission.inputs == _PLACES

    statuses = sorted(one.result().status_code for one in asked)
    assert statuses == [200] * _PLACES + [429] * 3


def test_a_refusal_does_not_wait_for_the_body(narrow, threads):
    with _halted(narrow):
        asked = [threads.submit(_ask, narrow) for _ in range(_PLACES)]
        wait_for(lambda: narrow.predictor.admission.inputs == _PLACES)
        with _sent(narrow, body=b"", announced=1000) as connection:
            connection.settimeout(30)
            assert connection.recv(4096).startswith(b"HTTP/1.1 429")

    assert {one.result().status_code for one in asked} == {200}


def test_a_key_that_holds_nothing_finds_a_place_beside_one_that_fills_the_queue(narrow, threads):
    with _halted(narrow):
        asked = [threads.submit(_ask, narrow, key="greedy") for _ in range(_PLACES)]
        wait_for(lambda: narrow.predictor.admission.inputs == _PLACES)
        modest = threads.submit(_ask, narrow, key="modest")
        wait_for(lambda: narrow.predictor.admission.inputs == _PLACES + 1)
        assert _ask(narrow, key="greedy").status_code == 429

    assert {one.result().status_code for one in [*asked, modest]} == {200}


def test_a_request_whose_time_is_over_is_not_computed(narrow, threads):
    with _halted(narrow):
        late = threads.submit(_ask, narrow, timeout_ms="1")
        asked = threads.submit(_ask, narrow, timeout_ms="60000")
        wait_for(lambda: narrow.predictor.admission.inputs == 2)
        over = time.monotonic() + 0.05
        wait_for(lambda: time.monotonic() > over)

    assert (late.result().status_code, late.result().json()["code"]) == (504, "deadline-passed")
    assert asked.result().status_code == 200


@pytest.mark.parametrize("given", ["soon", "0", "-5", "nan", "inf"])
def test_a_time_that_is_no_number_of_milliseconds_is_refused(narrow, given):
    answer = _ask(narrow, timeout_ms=given)

    assert answer.status_code == 422
    assert answer.json()["code"] == "timeout-unusable"


def test_the_place_of_a_client_that_leaves_is_free_again(narrow):
    with _halted(narrow):
        with _sent(narrow):
            wait_for(lambda: narrow.predictor.admission.inputs == 1)
        wait_for(lambda: narrow.predictor.admission.inputs == 0)

    assert _ask(narrow).status_code == 200


def test_a_model_that_is_not_there_is_not_found_even_when_somebody_else_waits(narrow, threads):
    with _halted(narrow):
        asked = threads.submit(_ask, narrow)
        wait_for(lambda: narrow.predictor.admission.inputs == 1)
        assert _ask(narrow, model="nobody").status_code == 404
    assert asked.result().status_code == 200


@contextmanager
def _halted(service: Service) -> Iterator[None]:
    """The predictor process stands still for the time of the block."""
    assert service.predictor._connection is not None
    process = service.predictor._connection.result().process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _ask(
    service: Service, key: str = "", timeout_ms: str | None = None, model: str = "intents"
) -> httpx.Response:
    headers = {"X-Babelport-Key": key} | (
        {} if timeout_ms is None else {"X-Babelport-Timeout-Ms": timeout_ms}
    )
    address = f"{service.url}/v1/models/{model}/predict"
    return httpx.post(address, json={"input": SENTENCES[0]}, headers=headers, timeout=60)


def _first(asked: list[Future[httpx.Response]], count: int) -> list[httpx.Response]:
    done: set[Future[httpx.Response]] = set()
    while len(done) < count:
        finished, _ = wait(set(asked) - done, timeout=30, return_when=FIRST_COMPLETED)
        assert finished, "nothing was answered"
        done |= finished
    return [one.result() for one in done]


@contextmanager
def _sent(
    service: Service, body: bytes = _BODY, announced: int = len(_BODY)
) -> Iterator[socket.socket]:
    """A request on a connection which closes after the block; `announced` bytes are to come."""
    address = httpx.URL(service.url)
    head = (
        f"POST /v1/models/intents/predict HTTP/1.1\r\nHost: {address.host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {announced}\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port)) as connection:
        connection.sendall(head.encode() + body)
        yield connection
