"""The client takes up a stream of events where it was cut off."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.client import AsyncClient, BabelportProblem, Client
from app.store import job_queue, transfers
from tests.support.records import queue_a_transfer
from tests.support.service import Service

# What each connection sends before it breaks off: sequences, and "cut" in the middle of a line.
_CONNECTIONS = [[1, 2, "cut"], [3], ["error"], [4]]


class _BreakingServer(BaseHTTPRequestHandler):
    last_event_ids: list[str]
    state = "succeeded"

    def do_GET(self) -> None:
        if not self.path.endswith("/events"):
            self._tell_the_state()
            return
        number = len(self.last_event_ids)
        self.last_event_ids.append(str(self.headers["Last-Event-ID"]))
        plan = _CONNECTIONS[number]
        if plan == ["error"]:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for sequence in plan:
            kind = "succeeded" if sequence == 4 else "epoch"
            event = {"sequence": sequence, "kind": kind, "at": "", "data": {}}
            text = f"event: {kind}\ndata: {json.dumps(event)}\nid: {sequence}\n\n"
            self.wfile.write(text.encode()[: 20 if sequence == "cut" else None])

    def _tell_the_state(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"state": self.state}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def breaking_server() -> Iterator[ThreadingHTTPServer]:
    """A server whose streams break off; the list `last_event_ids` is what clients asked for."""
    _BreakingServer.last_event_ids = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _BreakingServer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_no_event_is_lost_or_doubled_when_the_connection_breaks(
    breaking_server: ThreadingHTTPServer,
) -> None:
    with Client(f"http://127.0.0.1:{breaking_server.server_port}") as client:
        events = list(client.transfers.events("trf_any"))
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert _BreakingServer.last_event_ids == ["0", "2", "3", "3"]


def test_the_failure_of_a_transfer_that_was_tried_again_is_not_its_end(service: Service) -> None:
    with service.context.sessions.begin() as session:
        id = queue_a_transfer(session).id
        transfers.cancel(session, id)
        transfers.retry(session, id)
    events = service.client.transfers.events(id)
    assert [next(events)["kind"] for _ in range(3)] == ["queued", "cancelled", "queued"]
    service.client.transfers.cancel(id)
    assert [event["kind"] for event in events] == ["cancelled"]


def test_an_event_that_names_thousands_of_labels_is_read(service: Service) -> None:
    shares = {f"label {number} {'x' * 400}": 0.5 for number in range(4000)}
    with service.context.sessions.begin() as session:
        id = queue_a_transfer(session).id
        job_queue.append_event(session, id, "round", {"shares": shares})
        transfers.cancel(session, id)

    async def read() -> list[dict[str, Any]]:
        async with AsyncClient(service.url) as client:
            return [event async for event in client.transfers.events(id)]

    for events in (list(service.client.transfers.events(id)), asyncio.run(read())):
        assert [event["kind"] for event in events] == ["queued", "round", "cancelled"]
        assert events[1]["data"]["shares"] == shares


def test_a_service_that_is_not_there_is_a_problem_with_an_advice() -> None:
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(BabelportProblem, match="No answer") as refused,
    ):
        client.health()
    assert (refused.value.status, refused.value.code) == (0, "unreachable")
    assert "babelport up" in refused.value.advice


def test_an_answer_of_another_program_is_a_problem(breaking_server: ThreadingHTTPServer) -> None:
    with (
        Client(f"http://127.0.0.1:{breaking_server.server_port}") as client,
        pytest.raises(BabelportProblem) as refused,
    ):
        client.transfers.cancel("trf_any")  # it answers 501: it knows no POST
    assert (refused.value.status, refused.value.code) == (501, "not-a-babelport-answer")
