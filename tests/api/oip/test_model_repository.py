"""The model repository extension, over HTTP and gRPC alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.support.service import Service


@pytest.fixture(params=["http", "grpc"])
def triton(served: Service, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client with an empty memory behind it."""
    if request.param == "http":
        address, kind = served.url.removeprefix("http://"), tritonclient.http
        options = {"network_timeout": 120}
    else:
        address, kind = f"127.0.0.1:{served.context.settings.grpc_port}", tritonclient.grpc
        options = {}
    with kind.InferenceServerClient(address, **options) as client:
        for name, version in _ready(client):
            client.unload_model(f"{name}@{version}")
        yield client


def test_the_index_lists_what_can_answer_and_tells_what_is_in_memory(triton) -> None:
    listed = _index(triton)
    assert set(listed) == {
        ("intents", "1"), ("intents", "2"), ("wishes", "1"), ("places", "1"), ("digits", "1"),
    }  # fmt: skip
    assert {state for state, _ in listed.values()} == {"UNAVAILABLE"}
    assert all("not in memory" in reason for _, reason in listed.values())


def test_a_model_is_loaded_and_unloaded(triton) -> None:
    triton.load_model("intents")
    assert _ready(triton) == {("intents", "2")}
    triton.load_model("intents@1")
    assert _index(triton)["intents", "1"] == ("READY", "")
    triton.unload_model("intents")
    triton.unload_model("intents")
    assert _ready(triton) == {("intents", "1")}


def test_a_model_that_is_asked_is_in_memory_and_one_that_is_not_is_ready_all_the_same(
    triton,
) -> None:
    assert triton.is_model_ready("wishes")
    kind = (
        tritonclient.http
        if isinstance(triton, tritonclient.http.InferenceServerClient)
        else (tritonclient.grpc)
    )
    tensor = kind.InferInput("text", [1], "BYTES")
    tensor.set_data_from_numpy(np.array(["wake me up"], dtype=object))
    triton.infer("wishes", [tensor])
    assert _ready(triton) == {("wishes", "1")}


def test_what_cannot_answer_is_not_loaded(triton) -> None:
    for name, codes in (("nobody", ("404", "NOT_FOUND")), ("encoder", ("409", "FAILED"))):
        with pytest.raises(InferenceServerException) as refused:
            triton.load_model(name)
        assert any(code in refused.value.status() for code in codes)
    with pytest.raises(InferenceServerException):
        triton.unload_model("nobody")


def test_the_index_itself_may_be_asked_for_what_is_ready(served: Service) -> None:
    url = f"{served.url}/v2/repository"
    assert httpx2.post(f"{url}/models/digits/load", timeout=60).status_code == 200
    ready = httpx2.post(f"{url}/index", json={"ready": True}).json()
    assert {"name": "digits", "version": "1", "state": "READY", "reason": ""} in ready
    assert {entry["state"] for entry in ready} == {"READY"}
    assert httpx2.post(f"{url}/index", content=b"{").status_code == 400


def _index(client: Any) -> dict[tuple[str, str], tuple[str, str]]:
    found = client.get_model_repository_index()
    if isinstance(found, list):
        return {(one["name"], one["version"]): (one["state"], one["reason"]) for one in found}
    return {(one.name, one.version): (one.state, one.reason) for one in found.models}


def _ready(client: Any) -> set[tuple[str, str]]:
    return {model for model, (state, _) in _index(client).items() if state == "READY"}
