"""The event loop answers, whatever a disk, a lock or the database makes requests wait for."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import event

from tests.support.datasets import a_csv, labelled_rows
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.service import Service
from tests.support.waiting import wait_for

_SPEC = {"model": "none", "language": "de", "method": "fine-tune"}
_BLOCKING = ("open", "os.", "shutil.", "fcntl.", "tempfile.", "subprocess.", "sqlite3.")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """For requests that wait."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def _upload(service: Service, file: Path) -> httpx2.Response:
    sent = {"file": (file.name, file.read_bytes())}
    address = f"{service.url}/v1/datasets"
    return httpx2.post(address, files=sent, data={"language": "de"}, timeout=60)


def _transfer(service: Service, file: Path) -> httpx2.Response:
    sent = {"train": (file.name, file.read_bytes())}
    data = {"spec": json.dumps(_SPEC)}
    return httpx2.post(f"{service.url}/v1/transfers", files=sent, data=data, timeout=60)


def _answers_meanwhile(service: Service, waiting: Future[httpx2.Response]) -> None:
    assert httpx2.get(f"{service.url}/health", timeout=30).status_code == 200
    assert not waiting.done()


@pytest.mark.parametrize("send", [_upload, _transfer])
def test_health_answers_while_an_upload_waits_for_the_lock_of_the_workspaces(
    service: Service, tmp_path: Path, pool: ThreadPoolExecutor, send: Any
) -> None:
    file = a_csv(tmp_path / "rows.csv", labelled_rows(12, "de"))
    handle = os.open(service.context.artifacts.temporary, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        waiting = pool.submit(send, service, file)
        wait_for(lambda: _waits_for_a_lock(handle))
        _answers_meanwhile(service, waiting)
    finally:
        os.close(handle)
    assert waiting.result(60).status_code in (201, 404)


def test_health_answers_while_a_workspace_is_deleted(
    service: Service, tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_csv(tmp_path / "rows.csv", labelled_rows(12, "de"))
    original, deleting, go_on = shutil.rmtree, threading.Event(), threading.Event()

    def slow(folder: Any, *arguments: Any, **named: Any) -> None:
        deleting.set()
        assert go_on.wait(60)
        original(folder, *arguments, **named)

    monkeypatch.setattr(shutil, "rmtree", slow)
    waiting = pool.submit(_upload, service, file)
    assert deleting.wait(60)
    _answers_meanwhile(service, waiting)
    go_on.set()
    assert waiting.result(60).status_code == 201


def test_no_file_process_or_statement_is_the_event_loop_s(service: Service, tmp_path: Path) -> None:
    archive = zipped(a_text_classifier(tmp_path / "model" / "intents"))
    file = a_csv(tmp_path / "rows.csv", labelled_rows(60, "de"))
    with _on_the_loop(service) as found:
        model = service.client.models.upload(archive, language="en", name="intents")
        dataset = service.client.datasets.upload(file, language="de")
        spec = _SPEC | {"model": "intents", "datasets": {"train": dataset["id"]}}
        made = httpx2.post(f"{service.url}/v1/transfers", json=spec, timeout=60)
        assert made.status_code == 202
        own = {"spec": json.dumps(_SPEC | {"model": "intents"})}
        sent = {"train": (file.name, file.read_bytes())}
        made = httpx2.post(f"{service.url}/v1/transfers", data=own, files=sent, timeout=60)
        assert made.status_code == 202
        service.client.predict("intents", [SENTENCES[0]])
        alias = f"{service.url}/v1/models/intents/aliases/champion"
        assert httpx2.put(alias, json={"model": 1}, timeout=60).status_code == 200
        service.client.predict("intents@champion", SENTENCES * 9)
        for address in (
            f"{alias}/comparison",
            f"/v1/datasets/{dataset['id']}/preview",
            f"/v1/models/{model['id']}/artifact",
            "/v2/models/intents",
            "/openapi.json",
            "/metrics",
            "/ready",
        ):
            url = address if address.startswith("http") else service.url + address
            assert httpx2.get(url, timeout=60).status_code == 200, address
        events = f"{service.url}/v1/transfers/{made.json()['id']}/events"
        with httpx2.stream("GET", events, timeout=60) as stream:
            assert next(stream.iter_lines())
    assert found == []


def _waits_for_a_lock(handle: int) -> bool:
    """Whether somebody waits for a lock on the file of `handle`."""
    node = f":{os.fstat(handle).st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and node in line for line in lines)


@contextmanager
def _on_the_loop(service: Service) -> Iterator[list[str]]:
    """What the thread of the event loop does that may wait: files, children, statements."""
    found: list[str] = []
    folder = str(service.context.settings.data_dir)
    watching = True

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if not watching or threading.get_ident() != service.loop_thread:
            return
        if name == "fcntl.flock" or name.startswith(("subprocess.", "sqlite3.")):
            found.append(name)
        elif name.startswith(_BLOCKING) and arguments and str(arguments[0]).startswith(folder):
            found.append(f"{name} {arguments[0]}")

    def execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() == service.loop_thread:
            found.append(statement)

    engine = service.context.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", execute)
    sys.addaudithook(audit)  # it cannot be taken away, but sees nothing after the block
    try:
        yield found
    finally:
        watching = False
        event.remove(engine, "before_cursor_execute", execute)
