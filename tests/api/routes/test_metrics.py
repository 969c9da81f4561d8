"""What Prometheus scrapes from a live service."""

from __future__ import annotations

from asyncio import CancelledError
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from app.client import BabelportProblem
from app.domain.errors.predictions import (
    DeadlinePassed,
    NothingToPredict,
    PredictorStopped,
    QueueFull,
)
from app.domain.predictions import BatchFacts
from app.serving.observers import BatchMetrics, Observation, PredictionMetrics
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.records import a_model, queue_a_transfer
from tests.support.service import Service
from tests.support.waiting import wait_for

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(service: Service) -> Samples:
    """Every sample of the service by its name and labels, as Prometheus reads them."""
    answer = httpx2.get(f"{service.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_predictions_are_counted_by_model_and_outcome(service: Service, tmp_path: Path) -> None:
    file = zipped(a_text_classifier(tmp_path / "intents"))
    service.client.models.upload(file, name="intents", language="en")

    service.client.predict("intents", list(SENTENCES[:3]))
    with pytest.raises(BabelportProblem):
        service.client.predict("intents", [""])

    samples, model = scraped(service), {"model": "intents@1"}
    assert value(samples, "babelport_predictions_total", outcome="answered", **model) == 1
    assert value(samples, "babelport_predictions_total", outcome="invalid", **model) == 1
    assert value(samples, "babelport_prediction_inputs_total", **model) == 3
    assert value(samples, "babelport_prediction_seconds_count", **model) == 1
    assert value(samples, "babelport_prediction_seconds_bucket", le="0.001", **model) in (0, 1)
    for name in ("batch_inputs", "batch_tokens", "batch_seconds", "queue_seconds"):
        assert value(samples, f"babelport_{name}_count") == 1, name
    assert value(samples, "babelport_computed_inputs_total") >= 3  # those of warming up aside
    assert value(samples, "babelport_batches_total") >= 1
    padded = value(samples, "babelport_padded_tokens_total")
    assert padded >= value(samples, "babelport_computed_tokens_total") > 3
    assert value(samples, "babelport_model_loads_total") == 1
    assert value(samples, "babelport_queue_inputs") == 0
    (size,) = [
        number
        for (name, labels), number in samples.items()
        if name == "babelport_resident_model_bytes" and ("model", "intents@1") in labels
    ]
    assert size > 0
    assert value(samples, "babelport_admitted_inputs") == 0
    requests = {"method": "POST", "route": "/v1/models/{model}/predict"}
    for status in ("200", "422"):
        labels = {"status": status, **requests}
        # Counted when the answer is on its way.
        wait_for(lambda: value(scraped(service), "babelport_http_requests_total", **labels) == 1)  # noqa: B023


def test_addresses_that_clients_invent_make_no_series_of_their_own(
    quiet_service: Service,
) -> None:
    for address in ("nowhere", "wp-login.php", "v1/models/nobody"):
        httpx2.get(f"{quiet_service.url}/{address}")
    httpx2.request("PROPFIND", f"{quiet_service.url}/nowhere")
    counted = "babelport_http_requests_total"

    def requests() -> list[dict[str, str]]:
        return [dict(labels) for name, labels in scraped(quiet_service) if name == counted]

    wait_for(lambda: "other" in {each["method"] for each in requests()})
    routes = {each["route"] for each in requests()}
    assert {"unmatched", "/v1/models/{model}"} <= routes
    assert not any("nobody" in route or "wp-login" in route for route in routes)
    assert {each["method"] for each in requests()} == {"GET", "other"}


def test_transfers_are_counted_by_state_in_the_database(service_on_each: Service) -> None:
    with service_on_each.context.sessions.begin() as session:
        queue_a_transfer(session)
        queue_a_transfer(session)

    samples = scraped(service_on_each)

    assert value(samples, "babelport_transfers", state="queued") == 2
    assert value(samples, "babelport_transfers", state="failed") == 0
    assert value(samples, "babelport_transfers_oldest_queued_seconds") > 0
    assert value(samples, "babelport_database_up") == 1


def test_only_the_models_asked_last_have_series() -> None:
    registry = CollectorRegistry()
    metrics = PredictionMetrics(registry, most_models=2)

    for name in ("first", "second", "first", "third"):
        metrics(Observation(a_model(name=name), ["x"], 0.01, []))

    known = {sample.labels["model"] for family in registry.collect() for sample in family.samples}
    assert known == {"first@1", "third@1"}


def test_a_batch_of_several_requests_is_counted_once() -> None:
    registry = CollectorRegistry()
    metrics = BatchMetrics(registry)
    one = BatchFacts(7, inputs=4, tokens=40, padded=48, waited_seconds=0.1, seconds=0.2)
    later = BatchFacts(8, inputs=1, tokens=5, padded=5, waited_seconds=0.1, seconds=0.3)
    of_a_new_process = BatchFacts(7, inputs=2, tokens=6, padded=6, waited_seconds=0, seconds=0.4)

    for batch in (one, later, one, of_a_new_process):
        metrics(Observation(a_model(), ["x"], 0.3, [], batch))

    assert registry.get_sample_value("babelport_batch_inputs_count") == 3
    assert registry.get_sample_value("babelport_batch_tokens_sum") == 51
    assert registry.get_sample_value("babelport_queue_seconds_count") == 4


def test_what_became_of_a_request_is_told_by_its_error() -> None:
    registry = CollectorRegistry()
    metrics = PredictionMetrics(registry)
    errors = {
        "refused": QueueFull(1, 1, 1),
        "expired": DeadlinePassed(),
        "dropped": CancelledError(),
        "failed": PredictorStopped(),
        "invalid": NothingToPredict(),
    }

    for error in errors.values():
        metrics(Observation(a_model(), ["x"], 0.3, error=error))

    for outcome in errors:
        labels = {"model": "tickets@1", "outcome": outcome}
        assert registry.get_sample_value("babelport_predictions_total", labels) == 1, outcome
