"""The event stream of a transfer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.client import AsyncClient, BabelportProblem
from app.domain.jobs import Progress
from app.domain.transfers import Transfer
from app.store import job_queue, transfers
from tests.support.records import claim_a_transfer, queue_a_transfer
from tests.support.service import Service


@pytest.fixture
def running(service_on_each: Service) -> Transfer:
    """A transfer that a worker has claimed; its events are queued, running."""
    with service_on_each.context.sessions.begin() as session:
        queue_a_transfer(session)
        return claim_a_transfer(session)


def _finish(service: Service, transfer: Transfer) -> None:
    with service.context.sessions.begin() as session:
        job_queue.append_event(session, transfer.id, "epoch", {"loss": 0.5})
        transfers.succeed(session, transfer.id, transfer.attempt, "mdl_new", {})


def _kinds(stream: Iterator[dict[str, Any]]) -> list[str]:
    return [event["kind"] for event in stream]


def test_the_stream_follows_a_transfer_to_its_end(
    service_on_each: Service, running: Transfer
) -> None:
    with service_on_each.context.sessions.begin() as session:
        job_queue.record_progress(
            session, running.id, running.attempt, Progress("training", 0.4, 9.0)
        )
    stream = service_on_each.client.transfers.events(running.id)
    first = [next(stream) for _ in range(3)]
    assert [event["kind"] for event in first] == ["queued", "running", "progress"]
    assert [event["sequence"] for event in first] == [1, 2, None]
    assert first[2]["data"] == {"phase": "training", "fraction": 0.4, "eta_seconds": 9.0}
    _finish(service_on_each, running)
    assert _kinds(stream) == ["epoch", "succeeded"]


def test_a_stream_is_taken_up_after_the_last_event_received(
    service_on_each: Service, running: Transfer
) -> None:
    _finish(service_on_each, running)
    url = f"{service_on_each.url}/v1/transfers/{running.id}/events"
    answer = httpx2.get(url, headers={"Last-Event-ID": "2"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [line for line in answer.text.splitlines() if line.startswith("id:")] == [
        "id: 3",
        "id: 4",
    ]
    assert _kinds(service_on_each.client.transfers.events(running.id, after=3)) == ["succeeded"]
    assert _kinds(service_on_each.client.transfers.events(running.id, after=4)) == []


def test_waiting_returns_the_transfer_when_it_is_over(
    service_on_each: Service, running: Transfer
) -> None:
    event_kinds: list[str] = []

    def note(event: dict[str, Any]) -> None:
        event_kinds.append(event["kind"])
        if event["kind"] == "running":
            threading.Thread(target=_finish, args=(service_on_each, running)).start()

    assert service_on_each.client.transfers.wait(running.id, note)["state"] == "succeeded"
    assert event_kinds == ["queued", "running", "epoch", "succeeded"]


@pytest.mark.parametrize("header", ["-1", "latest"])
def test_an_event_id_that_is_none_is_refused(
    service_on_each: Service, running: Transfer, header: str
) -> None:
    url = f"{service_on_each.url}/v1/transfers/{running.id}/events"
    answer = httpx2.get(url, headers={"Last-Event-ID": header})
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


def test_the_stream_of_an_unknown_transfer_is_a_problem(service: Service) -> None:
    with pytest.raises(BabelportProblem) as refused:
        list(service.client.transfers.events("trf_none"))
    assert (refused.value.status, refused.value.code) == (404, "transfer-not-found")


def test_the_asynchronous_client_follows_the_same_stream(
    service_on_each: Service, running: Transfer
) -> None:
    import asyncio

    _finish(service_on_each, running)

    async def follow() -> tuple[list[str], str]:
        async with AsyncClient(service_on_each.url) as client:
            kinds = [event["kind"] async for event in client.transfers.events(running.id)]
            transfer = await client.transfers.wait(running.id)
            assert (await client.health())["status"] == "ok"
            return kinds, transfer["state"]

    assert asyncio.run(follow()) == (["queued", "running", "epoch", "succeeded"], "succeeded")
