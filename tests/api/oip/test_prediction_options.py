"""Deadlines, full queues and aliases hold for the protocol as for our own route."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import httpx2
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.grpc.service_pb2 import ModelInferRequest
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub
from tritonclient.utils import InferenceServerException

from app.domain.predictions import PredictionOptions
from app.main import create_app
from app.settings import Settings
from tests.support.ports import free_port
from tests.support.service import Service

_CLIENTS = [tritonclient.http, tritonclient.grpc]
_KINDS = pytest.mark.parametrize("kind", _CLIENTS, ids=["http", "grpc"])


@_KINDS
def test_a_request_whose_time_is_over_is_not_computed(served: Service, kind) -> None:
    with (
        _client(served, kind) as client,
        pytest.raises(InferenceServerException, match="deadline-passed") as refused,
    ):
        client.infer("intents", [_text(kind)], timeout=1)
    assert refused.value.status() in ("504", "StatusCode.DEADLINE_EXCEEDED")


@_KINDS
def test_an_alias_stands_for_a_version(served: Service, kind) -> None:
    httpx2.put(
        f"{served.url}/v1/models/intents/aliases/champion", json={"model": 1}, timeout=60
    ).raise_for_status()
    with _client(served, kind) as client:
        assert client.is_model_ready("intents", "champion")
        response = client.infer("intents", [_text(kind)], model_version="champion").get_response()
    version = response["model_version"] if isinstance(response, dict) else response.model_version
    assert version == "1"


def test_a_full_queue_refuses_before_it_reads(tmp_path: Path, sqlite_url: str) -> None:
    port = free_port()
    app = create_app(Settings(data_dir=tmp_path, database_url=sqlite_url, grpc_port=port))
    admission = app.state.predictor.admission

    async def over_http() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://us") as client:
            return await client.post("/v2/models/nobody/infer", content=b"no json")

    def over_grpc() -> grpc.RpcError:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = GRPCInferenceServiceStub(channel).ModelInfer.future(ModelInferRequest())
            return call.exception(30)

    async def scenario() -> None:
        async with app.router.lifespan_context(app):
            with admission.admitted(PredictionOptions(), 10**6):
                refused, error = await over_http(), await asyncio.to_thread(over_grpc)
        assert (refused.status_code, list(refused.json())) == (429, ["error"])
        assert refused.headers["retry-after"].isdigit()
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "queue-full" in error.details()
        assert dict(error.trailing_metadata())["retry-after"].isdigit()

    asyncio.run(scenario())


def _client(served: Service, kind):
    if kind is tritonclient.grpc:
        return kind.InferenceServerClient(f"127.0.0.1:{served.context.settings.grpc_port}")
    return kind.InferenceServerClient(served.url.removeprefix("http://"), network_timeout=120)


def _text(kind):
    tensor = kind.InferInput("text", [1], "BYTES")
    tensor.set_data_from_numpy(np.array(["wake me up"], dtype=object))
    return tensor
