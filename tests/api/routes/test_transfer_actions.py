"""Actions on a transfer over HTTP: pause, resume, retry, priority."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from app.client import BabelportProblem
from app.store import datasets, job_queue, models, transfers
from tests.support.records import a_dataset, a_model, queue_a_transfer
from tests.support.service import Service


def _queue(service: Service, **changes: Any) -> str:
    with service.context.sessions.begin() as session:
        return queue_a_transfer(session, **changes).id


def _fail(service: Service) -> None:
    failure = {"code": "broken", "message": "It broke.", "advice": "", "fields": {}}
    with service.context.sessions.begin() as session:
        claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        assert claimed is not None
        job_queue.fail(session, claimed.id, claimed.attempt, failure)


def test_a_transfer_is_paused_and_resumed(service_on_each: Service) -> None:
    transfers = service_on_each.client.transfers
    id = _queue(service_on_each)
    assert transfers.pause(id)["state"] == "paused"
    assert transfers.list(state="paused")["items"][0]["id"] == id
    assert transfers.resume(id)["state"] == "queued"


def test_a_failed_transfer_is_tried_again_once_however_often_one_request_comes(
    service_on_each: Service,
) -> None:
    id = _queue(service_on_each)
    _fail(service_on_each)
    headers = {"Idempotency-Key": "again"}
    address = f"{service_on_each.url}/v1/transfers/{id}/retry"
    answers = [httpx2.post(address, headers=headers).json() for _ in range(2)]
    assert [answer["state"] for answer in answers] == ["queued", "queued"]
    attempt_items = service_on_each.client.transfers.attempts(id)["items"]
    assert [(t["attempt"], t["outcome"], t["failure"]["code"]) for t in attempt_items] == [
        (1, "failed", "broken")
    ]


def test_an_action_that_is_not_allowed_is_a_conflict_that_names_those_that_are(
    service: Service,
) -> None:
    id = _queue(service)
    with pytest.raises(BabelportProblem) as refused:
        service.client.transfers.retry(id)
    assert (refused.value.status, refused.value.code) == (409, "transfer-action-not-allowed")
    assert "cancelled" in refused.value.advice


def test_a_priority_is_given_at_the_start_and_changed_later(service: Service) -> None:
    model, rows = a_model(), a_dataset()
    with service.context.sessions.begin() as session:
        models.insert(session, model)
        datasets.insert(session, rows)
    started = service.client.transfers.start(
        model.id, "de", {"train": rows.id}, "fine-tune", priority=7, tenant="support"
    )
    assert (started["priority"], started["tenant"]) == (7, "support")
    assert service.client.transfers.set_priority(started["id"], -3)["priority"] == -3


@pytest.mark.parametrize("priority", [101, -101, 1.5, "high"])
def test_a_priority_beyond_bounds_is_refused(quiet_service: Service, priority: Any) -> None:
    with pytest.raises(BabelportProblem) as refused:
        quiet_service.client.transfers.set_priority("trf_any", priority)
    assert refused.value.status == 422
