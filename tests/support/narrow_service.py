"""A service with few places for predictions, and requests that wait there."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from app.settings import Settings
from tests.support.claimed_transfers import register_model
from tests.support.models import SENTENCES, a_text_classifier
from tests.support.service import Service, running_service

PLACES = 4
BODY = json.dumps({"input": SENTENCES[0]}).encode()
PATH = "/v1/models/intents/predict"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Service]:
    """A service with few places, whose model is loaded."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("service"),
        database_url=module_database_url,
        max_waiting_inputs=PLACES,
    )
    folder = a_text_classifier(tmp_path_factory.mktemp("model") / "intents")
    with running_service(settings) as service:
        register_model(service.context, folder, "intents")
        service.client.predict("intents", [SENTENCES[0]])
        yield service


@contextmanager
def halted(service: Service) -> Iterator[None]:
    """The predictor process stands still for the time of the block."""
    assert service.predictor._connection is not None
    process = service.predictor._connection.result().process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def ask(
    service: Service, key: str = "", timeout_ms: str | None = None, model: str = "intents"
) -> httpx2.Response:
    """The answer to a request with one text."""
    headers = {"X-Babelport-Key": key} | (
        {} if timeout_ms is None else {"X-Babelport-Timeout-Ms": timeout_ms}
    )
    address = f"{service.url}/v1/models/{model}/predict"
    return httpx2.post(address, json={"input": SENTENCES[0]}, headers=headers, timeout=60)


@contextmanager
def sent(
    service: Service, body: bytes = BODY, announced: int = len(BODY)
) -> Iterator[socket.socket]:
    """A request on a connection which closes after the block; `announced` bytes are to come."""
    address = httpx2.URL(service.url)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {address.host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {announced}\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port)) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def access_lines(caplog: pytest.LogCaptureFixture, path: str) -> list[logging.LogRecord]:
    """What the log says of requests at `path`."""
    lines = [one for one in caplog.records if one.name == "babelport.access"]
    return [one for one in lines if one.path == path]  # type: ignore[attr-defined]
