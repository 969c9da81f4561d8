"""The gRPC server's life: its port, its end, and callers who go away."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest, ServerLiveRequest
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from app.api.oip.grpc_server import serving_grpc
from app.domain.errors.service import PortTaken
from app.domain.predictions import PredictionOptions
from app.main import create_app
from app.services.context import Context, open_context
from app.serving.dataplane import DataPlane, PredictionResponse
from app.serving.predictor import Predictor
from app.settings import Settings
from tests.support.ports import free_port
from tests.support.waiting import wait_for


class GatedDataPlane(DataPlane):
    """Keeps each request until it is let go; notes requests, their options and cancellations."""

    def __init__(self, context: Context) -> None:
        self.predictor = Predictor(context.settings, context.artifacts)
        super().__init__(context, self.predictor)
        self.received, self.let_go, self.went_away = (
            asyncio.Event(),
            asyncio.Event(),
            asyncio.Event(),
        )
        self.options = PredictionOptions()

    async def predict(
        self, reference: str, inputs: list[Any], *options: PredictionOptions
    ) -> PredictionResponse:
        self.options = options[0]
        self.received.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.went_away.set()
            raise
        return await super().predict(reference, inputs, *options)


@pytest.fixture
def context(tmp_path: Path, sqlite_url: str) -> Context:
    settings = Settings(data_dir=tmp_path, database_url=sqlite_url, grpc_port=free_port())
    return open_context(settings)


def test_a_server_that_drains_finishes_its_calls_and_takes_no_more(context: Context) -> None:
    async def scenario() -> None:
        dataplane, draining = GatedDataPlane(context), threading.Event()
        async with serving_grpc(context, dataplane, dataplane.predictor, draining):
            with grpc.insecure_channel(_address(context)) as channel:
                call = GRPCInferenceServiceStub(channel).ModelInfer.future(_request())
                await asyncio.wait_for(dataplane.received.wait(), 30)
                draining.set()
                await asyncio.to_thread(wait_for, lambda: _takes_no_more(context))
                assert not call.done()
                dataplane.let_go.set()
                # Answered: there is no such model.
                error = await asyncio.to_thread(call.exception, 30)
                assert error.code() is grpc.StatusCode.NOT_FOUND

    asyncio.run(scenario())


def test_a_caller_whose_deadline_passes_leaves_nothing_behind_but_a_line(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        dataplane = GatedDataPlane(context)
        async with serving_grpc(context, dataplane, dataplane.predictor, threading.Event()):
            with grpc.insecure_channel(_address(context)) as channel:
                infer = GRPCInferenceServiceStub(channel).ModelInfer
                keys = (("x-babelport-key", "team-a"), ("x-babelport-route-key", "anna"))
                call = infer.future(_request(), timeout=1, metadata=keys)
                await asyncio.wait_for(dataplane.went_away.wait(), 30)
                assert call.exception(30).code() is grpc.StatusCode.DEADLINE_EXCEEDED
                assert (dataplane.options.key, dataplane.options.route_key) == ("team-a", "anna")
                assert dataplane.options.deadline is not None

    with caplog.at_level(logging.INFO, logger="babelport.access"):
        asyncio.run(scenario())
    assert "gRPC ModelInfer CANCELLED" in caplog.text


def test_a_port_that_is_taken_is_told(context: Context) -> None:
    async def scenario() -> None:
        dataplane = GatedDataPlane(context)
        async with serving_grpc(context, dataplane, dataplane.predictor, threading.Event()):
            pass

    with socket.socket() as other:
        other.bind(("127.0.0.1", context.settings.grpc_port))
        other.listen()
        with pytest.raises(PortTaken, match=str(context.settings.grpc_port)) as taken:
            asyncio.run(scenario())
    assert "BABELPORT_GRPC_PORT" in taken.value.advice


def test_an_api_without_a_port_for_grpc_has_no_server(context: Context) -> None:
    async def scenario() -> None:
        app = create_app(context.settings.model_copy(update={"grpc_port": 0}))
        async with app.router.lifespan_context(app):
            assert await asyncio.to_thread(_takes_no_more, context)

    asyncio.run(scenario())


def _takes_no_more(context: Context) -> bool:
    """Whether a new caller finds nobody; one that comes at the very moment is cancelled instead."""
    with grpc.insecure_channel(_address(context)) as channel:
        try:
            GRPCInferenceServiceStub(channel).ServerLive(ServerLiveRequest(), timeout=10)
        except grpc.RpcError as error:
            return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


def _address(context: Context) -> str:
    return f"127.0.0.1:{context.settings.grpc_port}"


def _request() -> ModelInferRequest:
    request = ModelInferRequest(model_name="nobody")
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(b"hello")
    return request
