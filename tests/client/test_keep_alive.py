"""The comments by which a server keeps an event stream alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.client import Client

_STREAM = (
    b'event: running\ndata: {"kind": "running", "sequence": 1}\nid: 1\n\n'
    b": ping\n\n"
    b'event: succeeded\ndata: {"kind": "succeeded", "sequence": 2}\nid: 2\n\n'
)


class _Events(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        followed = self.path.endswith("/events")
        self.wfile.write(_STREAM if followed else b'{"state": "succeeded"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Events) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_comment_between_two_events_is_no_event(url: str) -> None:
    with Client(url) as client:
        kinds = [event["kind"] for event in client.transfers.events("trf_1")]

    assert kinds == ["running", "succeeded"]
