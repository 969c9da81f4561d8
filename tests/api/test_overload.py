"""More than can be answered, and answers that come too late."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import httpx2
import pytest

from tests.support.models import SENTENCES
from tests.support.narrow_service import PATH, PLACES, access_lines, ask, halted, sent
from tests.support.service import Service
from tests.support.waiting import wait_for


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_what_finds_no_place_is_refused_at_once_and_the_rest_is_answered(narrow, threads):
    with halted(narrow):
        calls = [threads.submit(ask, narrow) for _ in range(PLACES + 3)]
        refused = _first(calls, 3)
        for answer in refused:
            assert answer.status_code == 429
            assert answer.json()["code"] == "queue-full"
            assert int(answer.headers["retry-after"]) >= 1
        assert narrow.predictor.admission.inputs == PLACES

    statuses = sorted(one.result().status_code for one in calls)
    assert statuses == [200] * PLACES + [429] * 3


def test_a_refusal_does_not_wait_for_the_body(narrow, threads):
    with halted(narrow):
        calls = [threads.submit(ask, narrow) for _ in range(PLACES)]
        wait_for(lambda: narrow.predictor.admission.inputs == PLACES)
        with sent(narrow, body=b"", announced=1000) as connection:
            connection.settimeout(30)
            assert connection.recv(4096).startswith(b"HTTP/1.1 429")

    assert {one.result().status_code for one in calls} == {200}


def test_a_key_that_holds_nothing_finds_a_place_beside_one_that_fills_the_queue(narrow, threads):
    with halted(narrow):
        calls = [threads.submit(ask, narrow, key="greedy") for _ in range(PLACES)]
        wait_for(lambda: narrow.predictor.admission.inputs == PLACES)
        modest = threads.submit(ask, narrow, key="modest")
        wait_for(lambda: narrow.predictor.admission.inputs == PLACES + 1)
        assert ask(narrow, key="greedy").status_code == 429

    assert {one.result().status_code for one in [*calls, modest]} == {200}


def test_a_request_whose_time_is_over_is_not_computed(narrow, threads):
    with halted(narrow):
        late = threads.submit(ask, narrow, timeout_ms="1")
        calls = threads.submit(ask, narrow, timeout_ms="60000")
        wait_for(lambda: narrow.predictor.admission.inputs == 2)
        over = time.monotonic() + 0.05
        wait_for(lambda: time.monotonic() > over)

    assert (late.result().status_code, late.result().json()["code"]) == (504, "deadline-passed")
    assert calls.result().status_code == 200


@pytest.mark.parametrize("value", ["soon", "0", "-5", "nan", "inf"])
def test_a_time_that_is_no_number_of_milliseconds_is_refused(narrow, value):
    answer = ask(narrow, timeout_ms=value)

    assert answer.status_code == 422
    assert answer.json()["code"] == "timeout-unusable"


def test_a_refusal_reads_like_any_other_problem(narrow, threads, caplog):
    with caplog.at_level(logging.INFO, logger="babelport.access"), halted(narrow):
        calls = [threads.submit(ask, narrow) for _ in range(PLACES)]
        wait_for(lambda: narrow.predictor.admission.inputs == PLACES)
        rest, protocol = ask(narrow), _infer(narrow)
        # Written when the answer is on its way.
        wait_for(lambda: access_lines(caplog, "/v2/models/intents/infer"))
        (line,) = access_lines(caplog, PATH)

    assert {one.result().status_code for one in calls} == {200}
    seconds = int(rest.headers["retry-after"])
    assert rest.headers["content-type"] == "application/problem+json"
    assert rest.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": f"Too much waits for answers: {PLACES} inputs of yours, of {PLACES} that may.",
        "code": "queue-full",
        "advice": f"Send the request again in {seconds} seconds, or fewer at once.",
        "errors": {"retry_after": seconds, "held": PLACES, "share": PLACES},
        "request_id": rest.headers["x-request-id"],
    }
    assert (protocol.status_code, protocol.headers["content-type"]) == (429, "application/json")
    problem = rest.json()
    assert protocol.json() == {"error": f"{problem['detail']} {problem['advice']} (queue-full)"}
    assert line.status == 429


def test_a_model_that_is_not_there_is_not_found_even_when_somebody_else_waits(narrow, threads):
    with halted(narrow):
        calls = threads.submit(ask, narrow)
        wait_for(lambda: narrow.predictor.admission.inputs == 1)
        assert ask(narrow, model="nobody").status_code == 404
    assert calls.result().status_code == 200


def _infer(service: Service) -> httpx2.Response:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [SENTENCES[0]]}
    return httpx2.post(f"{service.url}/v2/models/intents/infer", json={"inputs": [tensor]})


def _first(calls: list[Future[httpx2.Response]], count: int) -> list[httpx2.Response]:
    done: set[Future[httpx2.Response]] = set()
    while len(done) < count:
        finished, _ = wait(set(calls) - done, timeout=30, return_when=FIRST_COMPLETED)
        assert finished, "nothing was answered"
        done |= finished
    return [one.result() for one in done]
