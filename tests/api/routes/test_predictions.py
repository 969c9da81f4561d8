"""Predictions over HTTP, from a model that was uploaded over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from app.client import BabelportProblem
from tests.support.alike import assert_alike
from tests.support.models import INTENTS, SENTENCES, a_text_classifier, zipped
from tests.support.service import Service


@pytest.fixture
def model(service: Service, tmp_path: Path) -> dict:
    file = zipped(a_text_classifier(tmp_path / "intents"))
    return service.client.models.upload(file, name="intents", language="en")


def test_one_input_many_inputs_and_every_kind_of_name_answer_alike(
    service: Service, model: dict
) -> None:
    many = service.client.predict("intents", list(SENTENCES))
    one = httpx2.post(
        f"{service.url}/v1/models/{model['id']}/predict", json={"input": SENTENCES[0]}, timeout=60
    ).json()

    assert many["model"] == {"id": model["id"], "name": "intents", "version": 1}
    assert [set(each["probabilities"]) for each in many["predictions"]] == [set(INTENTS)] * 8
    assert one["predictions"][0]["label"] == many["predictions"][0]["label"]
    by_version = service.client.predict("intents@1", [SENTENCES[0]])
    assert by_version["model"] == one["model"]
    assert_alike(by_version["predictions"], one["predictions"])

    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda i: service.client.predict("intents", [SENTENCES[i % 8]]), range(100))
        )
    labels = [answer["predictions"][0]["label"] for answer in answers]
    assert labels == [many["predictions"][i % 8]["label"] for i in range(100)]


def test_a_text_that_is_cut_says_so(service: Service, model: dict) -> None:
    predicted = service.client.predict("intents", ["play the song", "play the song " * 100])
    assert [one["truncated"] for one in predicted["predictions"]] == [False, True]


def test_with_a_window_a_long_text_is_read_to_its_end(service: Service, model: dict) -> None:
    texts = ["play the song", "play the song " * 100]
    [short, _] = service.client.predict("intents", texts)["predictions"]
    for pool in ("mean", "max", "vote"):
        window = {"pool": pool, "stride": 16}
        predicted = service.client.predict("intents", texts, window)["predictions"]
        assert_alike([predicted[0]], [short])
        assert [one["truncated"] for one in predicted] == [False, False]
        assert predicted[0]["windows"] == 1
        assert predicted[1]["windows"] > 5
        assert sum(predicted[1]["probabilities"].values()) == pytest.approx(1, abs=1e-5)

    with pytest.raises(BabelportProblem) as problem:
        service.client.predict("intents", ["play the song " * 3000], {})
    assert (problem.value.status, problem.value.code) == (413, "too-many-windows")


def test_a_bad_request_is_a_problem_with_a_code(service: Service, model: dict) -> None:
    expected = {
        b'{"inputs": []}': "no-inputs",
        b'{"inputs": ["fine", ""]}': "input-unusable",
        b'{"input": 3}': "input-unusable",
        b'{"input": "a", "window": {"pool": "sum"}}': "request-invalid",
        b'{"input": "a", "window": {"stride": -1}}': "request-invalid",
        b'{"input": "a", "window": "mean"}': "request-invalid",
        b"{}": "request-invalid",
        b'{"input": "a", "inputs": ["b"]}': "request-invalid",
        b'{"text": "a"}': "request-invalid",
        b"not json": "request-invalid",
    }

    for body, code in expected.items():
        answer = httpx2.post(f"{service.url}/v1/models/intents/predict", content=body, timeout=60)
        assert answer.headers["content-type"] == "application/problem+json", body
        assert (answer.status_code, answer.json()["code"]) == (422, code), body


def test_a_model_that_does_not_exist_is_not_found(service: Service) -> None:
    with pytest.raises(BabelportProblem) as problem:
        service.client.predict("nobody", ["hello"])

    assert problem.value.status == 404
