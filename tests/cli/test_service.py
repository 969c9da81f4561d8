"""`babelport api`, as a process that an operator stops in a rolling deploy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.store.database import open_database, session_factory
from tests.support.ports import free_port
from tests.support.records import queue_a_transfer
from tests.support.waiting import wait_for

# Tells at its end how many objects the collector of garbage passes over.
_TELLING = """
import atexit, gc, runpy, sys
atexit.register(lambda: print(gc.get_freeze_count()))
sys.argv = ["babelport", "api"]
runpy.run_module("app.cli.main", run_name="__main__")
"""


@pytest.fixture
def api(one_database_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A real API process, and its address."""
    port = free_port()
    environment = {
        "BABELPORT_DATABASE_URL": one_database_url,
        "BABELPORT_DATA_DIR": str(tmp_path),
        "BABELPORT_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _TELLING],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_what_the_api_has_at_its_start_is_not_looked_at_by_each_full_collection(
    api: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, url = api
    wait_for(lambda: _ready(url))
    process.send_signal(signal.SIGINT)

    output, _ = process.communicate(timeout=60)

    assert int(output) > 10_000


def test_each_request_is_a_line_of_json_with_its_id(
    api: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, url = api
    wait_for(lambda: _ready(url))
    httpx2.get(f"{url}/v1/models/nobody", headers={"X-Request-Id": "mine"})
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None

    lines = [json.loads(line) for line in process.stderr]

    (access,) = [line for line in lines if line["logger"] == "babelport.access"]
    assert (access["request_id"], access["status"]) == ("mine", 404)
    assert (access["method"], access["path"]) == ("GET", "/v1/models/nobody")
    assert access["route"] == "/v1/models/{model}"
    assert access["milliseconds"] > 0


def test_an_api_that_is_asked_to_stop_ends_its_streams_and_answers_what_it_began(
    api: tuple[subprocess.Popen[bytes], str], one_database_url: str
) -> None:
    process, url = api
    wait_for(lambda: _ready(url))
    with session_factory(open_database(one_database_url)).begin() as session:
        id = queue_a_transfer(session).id
    upload_began, let_go, followed = threading.Event(), threading.Event(), threading.Event()
    events = f"{url}/v1/transfers/{id}/events"
    follower = threading.Thread(target=_follow, args=(events, followed))
    answers: list[int] = []
    uploader = threading.Thread(target=_upload, args=(url, upload_began, let_go, answers))
    follower.start()
    uploader.start()
    assert upload_began.wait(30)
    assert followed.wait(30)
    process.send_signal(signal.SIGTERM)
    follower.join(30)  # ends although its transfer has not
    assert not follower.is_alive()
    assert process.poll() is None
    let_go.set()
    uploader.join(30)
    assert answers == [201]
    assert process.wait(30) in (0, -signal.SIGTERM)


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready").status_code == 200
    except httpx2.TransportError:
        return False


def _follow(address: str, followed: threading.Event) -> None:
    with httpx2.stream("GET", address, timeout=60) as stream:
        for _ in stream.iter_lines():
            followed.set()


def _upload(
    url: str, upload_began: threading.Event, let_go: threading.Event, answers: list[int]
) -> None:
    """Send half a form, wait, and send the rest."""
    fields = b'--x\r\nContent-Disposition: form-data; name="language"\r\n\r\nde\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield fields + file
        upload_began.set()
        let_go.wait(30)
        yield b"text,label\nja,yes\nnein,no\n\r\n--x--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = httpx2.post(f"{url}/v1/datasets", content=body(), headers=kind, timeout=60)
    answers.append(answer.status_code)
