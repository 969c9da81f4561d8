"""Every gRPC call is known by an id, to its caller and in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc.service_pb2 import (
    ModelConfigRequest,
    ModelInferRequest,
    ModelReadyRequest,
    ServerLiveRequest,
)
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from app.domain.predictions import PredictionOptions
from app.settings import Settings
from app.telemetry.logs import current_request_id
from tests.support.ports import free_port
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for


@pytest.fixture(params=[True], ids=["logged"])
def observed(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_url: str
) -> Iterator[tuple[Service, GRPCInferenceServiceStub]]:
    """A service with a port for gRPC, and a stub; the parameter is the access log's switch."""
    port = free_port()
    settings = Settings(
        data_dir=tmp_path, database_url=sqlite_url, grpc_port=port, access_log=request.param
    )
    with (
        running_service(settings) as service,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield service, GRPCInferenceServiceStub(channel)


def test_a_sane_id_is_taken_over_and_any_other_is_replaced(observed) -> None:
    _, stub = observed
    for id, taken in {"shop-42/checkout": True, "x" * 129: False, "two words": False}.items():
        metadata = (("x-request-id", id),)
        _, call = stub.ServerLive.with_call(ServerLiveRequest(), metadata=metadata)
        assert (_id_of(call) == id) is taken, id
        assert _id_of(call)
    _, call = stub.ServerLive.with_call(ServerLiveRequest())
    assert _id_of(call).startswith("req_")


def test_each_call_leaves_one_line_with_its_id(observed, caplog: pytest.LogCaptureFixture) -> None:
    _, stub = observed
    with caplog.at_level(logging.INFO, logger="babelport.access"), caplog.filtering(_WithIds()):
        stub.ServerLive(ServerLiveRequest(), metadata=(("x-request-id", "one"),))
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelReady(ModelReadyRequest(name="no"), metadata=(("x-request-id", "two"),))
        assert _id_of(refused.value) == "two"
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelConfig(ModelConfigRequest(), metadata=(("x-request-id", "three"),))
        assert _id_of(refused.value) == "three"
        # Written when the refusal is on its way.
        wait_for(lambda: len(_lines(caplog)) == 3)
    assert [(one.id, one.method, one.code) for one in _lines(caplog)] == [
        ("one", "ServerLive", "OK"),
        ("two", "ModelReady", "NOT_FOUND"),
        ("three", "ModelConfig", "UNIMPLEMENTED"),
    ]
    assert all(one.milliseconds > 0 for one in _lines(caplog))


def test_a_refusal_that_says_when_to_come_back_keeps_its_id(observed) -> None:
    service, stub = observed
    metadata = (("x-request-id", "busy"),)
    with (
        service.predictor.admission.admitted(PredictionOptions(), 10**6),
        pytest.raises(grpc.RpcError) as refused,
    ):
        stub.ModelInfer(ModelInferRequest(), metadata=metadata)
    assert _id_of(refused.value) == "busy"
    assert dict(refused.value.trailing_metadata())["retry-after"].isdigit()


@pytest.mark.parametrize("observed", [False], ids=["unlogged"], indirect=True)
def test_the_switch_of_the_access_log_is_the_same(
    observed, caplog: pytest.LogCaptureFixture
) -> None:
    _, stub = observed
    with caplog.at_level(logging.INFO, logger="babelport.access"):
        _, call = stub.ServerLive.with_call(ServerLiveRequest())
    assert _id_of(call)
    assert not _lines(caplog)


class _WithIds(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.id = current_request_id.get()
        return True


def _id_of(call) -> str:
    return dict(call.trailing_metadata())["x-request-id"]


def _lines(caplog: pytest.LogCaptureFixture) -> list:
    return [one for one in caplog.records if one.name == "babelport.access"]
