"""A creating call whose answer got lost is sent again, and creates one record all the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.client import AsyncClient, BabelportProblem, Client
from tests.support.broken_wire import broken_wire
from tests.support.datasets import a_csv
from tests.support.service import Service


def test_an_upload_whose_answers_got_lost_twice_makes_one_dataset(
    service_on_each: Service, tmp_path: Path
) -> None:
    with broken_wire(service_on_each.url, failures=2) as wire, Client(wire.url) as client:
        made = client.datasets.upload(a_csv(tmp_path / "rows.csv"), "de")
        assert wire.connections == 3
    assert service_on_each.client.datasets.list()["items"] == [made]


def test_the_asynchronous_client_does_the_same(service: Service, tmp_path: Path) -> None:
    async def upload(url: str) -> object:
        async with AsyncClient(url) as client:
            return await client.datasets.upload(a_csv(tmp_path / "rows.csv"), "de")

    with broken_wire(service.url, failures=1) as wire:
        made = asyncio.run(upload(wire.url))
    assert service.client.datasets.list()["items"] == [made]


def test_two_calls_of_the_same_are_two_requests(quiet_service: Service, tmp_path: Path) -> None:
    rows = a_csv(tmp_path / "rows.csv")
    made = [quiet_service.client.datasets.upload(rows, "de")["id"] for _ in range(2)]
    assert len(set(made)) == 2


class _Busy(BaseHTTPRequestHandler):
    """Answers 503, twice or (below /v1/datasets) for ever, and notes the keys that it was sent."""

    keys: list[str | None] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers.get("Idempotency-Key"))
        ready = len(self.keys) > 2 and not self.path.endswith("/datasets")
        body = b'{"id": "trf_1"}' if ready else b'{"code": "busy", "detail": "", "advice": ""}'
        self.send_response(202 if ready else 503)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def busy_client() -> Iterator[Client]:
    """A client of a server that is busy."""
    _Busy.keys.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            yield client
        server.shutdown()


def test_a_service_that_is_busy_is_asked_again_under_the_same_key(busy_client: Client) -> None:
    assert busy_client.transfers.start("m", "de", {}, "joint") == {"id": "trf_1"}
    assert len(_Busy.keys) == 3
    assert len(set(_Busy.keys)) == 1
    assert _Busy.keys[0]


def test_a_service_that_stays_busy_is_believed_in_the_end(
    busy_client: Client, tmp_path: Path
) -> None:
    with pytest.raises(BabelportProblem) as refused:
        busy_client.datasets.upload(a_csv(tmp_path / "rows.csv"), "de")
    assert (refused.value.status, refused.value.code) == (503, "busy")
    assert len(_Busy.keys) == 5


def test_a_call_that_creates_nothing_is_sent_once(busy_client: Client) -> None:
    with pytest.raises(BabelportProblem):
        busy_client.predict("m", ["hello"])
    assert _Busy.keys == [None]
