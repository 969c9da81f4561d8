"""Every request is known by an id, to its sender and in the log."""

from __future__ import annotations

import logging

import httpx2
import pytest

from tests.support.service import Service
from tests.support.waiting import wait_for


def test_a_sane_id_is_taken_over_and_any_other_is_replaced(quiet_service: Service) -> None:
    sent_ids = {
        "shop-42/checkout": True,
        "x" * 128: True,
        "x" * 129: False,
        "two words": False,
        'quote"': False,
        "": False,
    }

    for id, taken in sent_ids.items():
        answer = httpx2.get(f"{quiet_service.url}/health", headers={"X-Request-Id": id})
        assert (answer.headers["x-request-id"] == id) is taken, id
        assert answer.headers["x-request-id"]


def test_a_problem_names_its_request(quiet_service: Service) -> None:
    address = f"{quiet_service.url}/v1/models/nobody"
    answer = httpx2.get(address, headers={"X-Request-Id": "mine"})

    assert answer.status_code == 404
    assert answer.json()["request_id"] == "mine"


def test_an_unexpected_error_is_answered_and_logged_with_its_request(
    quiet_service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.api.routes.models.find_model", fail)
    with caplog.at_level(logging.INFO, logger="babelport.access"):
        address = f"{quiet_service.url}/v1/models/any"
        answer = httpx2.get(address, headers={"X-Request-Id": "broken-one"})
        # Written when the answer is on its way.
        wait_for(lambda: _lines(caplog))

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "broken-one"
    assert answer.json()["request_id"] == "broken-one"
    (line,) = _lines(caplog)
    assert (line.status, line.path) == (500, "/v1/models/any")  # type: ignore[attr-defined]


def test_probes_that_succeed_leave_no_line(
    quiet_service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="babelport.access"):
        for path in ("health", "ready", "metrics", "v1/methods"):
            httpx2.get(f"{quiet_service.url}/{path}")
        wait_for(lambda: _lines(caplog))

    (line,) = _lines(caplog)
    assert line.path == "/v1/methods"  # type: ignore[attr-defined]


def _lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.name == "babelport.access"]
