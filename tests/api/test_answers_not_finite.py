"""A model that answers NaN to some texts: an error that says so, on every way in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from app.client import BabelportProblem
from app.settings import Settings
from tests.support.claimed_transfers import register_model
from tests.support.models import (
    BROKEN,
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
    with_a_broken_letter,
)
from tests.support.ports import free_port
from tests.support.service import Service, running_service

_BROKEN = {"intents": a_text_classifier, "wishes": a_label_set_classifier}
_BROKEN_TAGGER = "places"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Service]:
    """Models of each task that answer NaN to texts with a certain letter; `sound` never does."""
    folder = tmp_path_factory.mktemp("broken")
    settings = Settings(
        data_dir=folder / "var", database_url=module_database_url, grpc_port=free_port()
    )
    with running_service(settings) as service:
        builders = _BROKEN | {_BROKEN_TAGGER: a_token_classifier}
        for name, build in builders.items():
            files = with_a_broken_letter(build(folder / name))
            register_model(service.context, files, name)
            service.client.aliases.point(name, "champion", 1)
        register_model(service.context, a_text_classifier(folder / "sound"), "sound")
        service.client.aliases.point("sound", "champion", 1)
        yield service


@pytest.mark.parametrize("name", [*_BROKEN, _BROKEN_TAGGER])
def test_http_answers_with_a_problem_that_names_the_inputs(broken: Service, name: str) -> None:
    with pytest.raises(BabelportProblem) as refused:
        broken.client.predict(name, ["plain", f"{BROKEN}uick", "plain again", BROKEN])
    assert (refused.value.status, refused.value.code) == (409, "answer-not-finite")
    assert refused.value.body["errors"] == {"inputs": ["inputs[1]", "inputs[3]"], "count": 2}
    assert "diverged" in refused.value.body["advice"]
    assert broken.client.predict(name, ["plain"])["predictions"]


def test_the_open_inference_protocol_answers_with_its_own_errors(broken: Service) -> None:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [BROKEN]}
    answer = httpx2.post(f"{broken.url}/v2/models/intents/infer", json={"inputs": [tensor]})
    assert answer.status_code == 409
    assert "(answer-not-finite)" in json.loads(answer.content)["error"]


def test_grpc_answers_with_a_status(broken: Service) -> None:
    texts = InferInput("text", [1], "BYTES")
    texts.set_data_from_numpy(np.array([BROKEN], dtype=object))
    address = f"127.0.0.1:{broken.context.settings.grpc_port}"
    with (
        InferenceServerClient(address) as client,
        pytest.raises(InferenceServerException) as refused,
    ):
        client.infer("intents", [texts])
    assert "FAILED_PRECONDITION" in refused.value.status()
    assert "(answer-not-finite)" in refused.value.message()


def test_the_counts_of_every_alias_go_on(broken: Service) -> None:
    for text in ("plain", BROKEN, "plain"):
        for name in ("intents", "sound"):
            with suppress(BabelportProblem):
                broken.client.predict(f"{name}@champion", [text])
    assert _counts(broken, "intents") == (2, 1)
    assert _counts(broken, "sound") == (3, 0)


def _counts(service: Service, name: str) -> tuple[int, int]:
    [found] = service.client.aliases.comparison(name, "champion")["answers"]
    return found["requests"], found["failures"]
