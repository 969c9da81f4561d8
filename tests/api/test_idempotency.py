"""A creating request that is sent again creates nothing, and gets the first answer again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from app.store import datasets, idempotency, models
from tests.support.datasets import a_csv
from tests.support.models import a_declared_digit_reader, zipped
from tests.support.records import a_dataset, a_model
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for

_KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def second_service(service_on_each: Service) -> Iterator[Service]:
    """Another API over the same database and data folder."""
    with running_service(service_on_each.context.settings) as running:
        yield running


def _post_rows(service: Service, content: bytes, name: str = "rows") -> httpx2.Response:
    return httpx2.post(
        f"{service.url}/v1/datasets",
        files={"file": ("rows.csv", content)},
        data={"language": "de", "name": name},
        headers=_KEY,
        timeout=60,
    )


def _post_transfer(service: Service, **changes: Any) -> httpx2.Response:
    body = {"model": "mdl_1", "language": "de", "method": "fine-tune"}
    body |= {"datasets": {"train": "dst_1"}} | changes
    return httpx2.post(f"{service.url}/v1/transfers", json=body, headers=_KEY, timeout=60)


def _listed(service: Service, noun: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = httpx2.get(f"{service.url}/v1/{noun}").json()["items"]
    return items


def _add_records(service: Service) -> None:
    with service.context.sessions.begin() as session:
        models.insert(session, a_model(id="mdl_1"))
        datasets.insert(session, a_dataset(id="dst_1"))


def test_a_repeated_upload_gets_the_first_answer_word_for_word(
    service_on_each: Service, tmp_path: Path
) -> None:
    rows = a_csv(tmp_path / "rows.csv").read_bytes()
    first, again = (_post_rows(service_on_each, rows) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [found["id"] for found in _listed(service_on_each, "datasets")] == [first.json()["id"]]


def test_a_repeated_model_is_registered_once(service: Service, tmp_path: Path) -> None:
    file = zipped(a_declared_digit_reader(tmp_path / "digits"))
    made = [service.client.models.upload(file, idempotency_key="once") for _ in range(2)]
    assert made[0] == made[1]
    assert service.client.models.list()["items"] == [made[0]]


def test_a_key_belongs_to_one_request_at_one_address(service: Service, tmp_path: Path) -> None:
    _add_records(service)
    rows = a_csv(tmp_path / "rows.csv").read_bytes()
    assert _post_transfer(service).status_code == 202
    assert _post_rows(service, rows).status_code == 201
    others = [
        _post_rows(service, rows, name="others"),
        _post_rows(service, rows + b"noch eins,news,g\n"),
        _post_transfer(service, seed=1),
    ]
    for answer in others:
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")


def test_a_rejected_upload_is_rejected_once(service: Service) -> None:
    first, again = (_post_rows(service, b"text,label\n") for _ in range(2))
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["content-type"] == "application/problem+json"
    assert len(_listed(service, "datasets")) == 1


def test_a_refusal_that_wrote_nothing_leaves_the_key_free(service: Service) -> None:
    assert _post_transfer(service).status_code == 404
    _add_records(service)
    assert _post_transfer(service).status_code == 202


def test_two_apis_asked_at_once_create_one_record_and_answer_alike(
    service_on_each: Service, second_service: Service, tmp_path: Path
) -> None:
    _add_records(service_on_each)
    services = (service_on_each, second_service)
    rows = a_csv(tmp_path / "rows.csv").read_bytes()
    together = threading.Barrier(4)

    def post_rows(number: int) -> httpx2.Response:
        together.wait(60)
        return _post_rows(services[number % 2], rows)

    def post_transfer(number: int) -> httpx2.Response:
        together.wait(60)
        return _post_transfer(services[number % 2])

    for post, noun, status in ((post_rows, "datasets", 201), (post_transfer, "transfers", 202)):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(post, range(4)))
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.content for answer in answers}) == 1
        ids = {found["id"] for found in _listed(service_on_each, noun)} - {"dst_1"}
        assert ids == {answers[0].json()["id"]}


def test_a_client_that_hung_up_after_asking_finds_what_it_asked_for(
    service_on_each: Service, tmp_path: Path
) -> None:
    rows = a_csv(tmp_path / "rows.csv").read_bytes()
    address = urlsplit(service_on_each.url)
    request = httpx2.Request(
        "POST",
        f"{service_on_each.url}/v1/datasets",
        files={"file": ("rows.csv", rows)},
        data={"language": "de", "name": "rows"},
        headers=_KEY,
    )
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST /v1/datasets HTTP/1.1", *lines]) + "\r\n\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as wire:
        wire.sendall(head.encode() + request.read())
        # A form as small as this is written when all of it was received.
        wait_for(service_on_each.stored_files)

    def kept() -> bool:
        with service_on_each.context.readers() as session:
            return idempotency.get(session, "once", "POST", "/v1/datasets") is not None

    wait_for(kept)
    answer = _post_rows(service_on_each, rows)
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert [found["id"] for found in _listed(service_on_each, "datasets")] == [answer.json()["id"]]
