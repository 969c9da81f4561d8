"""The calls of the gRPC service, over the same use cases as the routes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

import grpc

from app.api.oip.grpc_errors import Call, answering
from app.api.oip.grpc_messages import SERVICE, message
from app.api.oip.grpc_observed import observing
from app.api.oip.grpc_tensors import read_request, write_answer
from app.api.oip.inference import FEW_BYTES, infer, reference_of
from app.api.oip.metadata import describe_model, predicting_facts, server_metadata
from app.api.oip.repository import Repository
from app.api.readiness import Readiness
from app.api.terms import KEY_HEADER, MOST_KEY, ROUTE_KEY_HEADER
from app.domain.errors import Unavailable
from app.domain.errors.predictions import ModelCannotPredict
from app.domain.predictions import Terms
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor


class InferenceService:
    """Answers each call; raises the service's own errors."""

    def __init__(
        self, context: Context, dataplane: DataPlane, predictor: Predictor, readiness: Readiness
    ) -> None:
        self._context = context
        self._readiness = readiness
        self._dataplane = dataplane
        self._predictor = predictor
        self._repository = Repository(context, dataplane, predictor)

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server is given."""
        calls: dict[str, Call] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ServerMetadata": self._metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        logged = self._context.settings.access_log
        return grpc.method_handlers_generic_handler(
            SERVICE, {name: _rpc(name, call, logged) for name, call in calls.items()}
        )

    async def _live(self, request: Any, call: Any) -> Any:
        return message("ServerLiveResponse")(live=True)

    async def _ready(self, request: Any, call: Any) -> Any:
        try:
            await self._readiness.require()
        except Unavailable:
            return message("ServerReadyResponse")(ready=False)
        return message("ServerReadyResponse")(ready=True)

    async def _metadata(self, request: Any, call: Any) -> Any:
        return message("ServerMetadataResponse")(**server_metadata())

    async def _model_ready(self, request: Any, call: Any) -> Any:
        try:
            reference = reference_of(request.name, request.version)
            _, servable = await self._dataplane.servable(reference)
            predicting_facts(servable)
        except ModelCannotPredict:
            return message("ModelReadyResponse")(ready=False)
        return message("ModelReadyResponse")(ready=True)

    async def _model_metadata(self, request: Any, call: Any) -> Any:
        reference = reference_of(request.name, request.version)
        found = await describe_model(self._context, self._dataplane, reference)
        for tensor in (*found["inputs"], *found["outputs"]):
            tensor.pop("parameters", None)  # the message has no place for them
        return message("ModelMetadataResponse")(**found)

    async def _infer(self, request: Any, call: Any) -> Any:
        terms = _terms(call)
        # What the queue has no place for is refused before it is read.
        self._predictor.admission.check(terms)
        most = self._context.settings.max_predict_inputs
        if sum(map(len, request.raw_input_contents)) <= FEW_BYTES:
            asked = read_request(request, most)
        else:
            asked = await asyncio.to_thread(read_request, request, most)
        reference = reference_of(request.model_name, request.model_version)
        answer = await infer(self._dataplane, reference, asked, terms)
        return write_answer(answer, request)

    async def _index(self, request: Any, call: Any) -> Any:
        found = await self._repository.index(request.ready)
        return message("RepositoryIndexResponse")(models=map(asdict, found))

    async def _load(self, request: Any, call: Any) -> Any:
        await self._repository.load(request.model_name)
        return message("RepositoryModelLoadResponse")()

    async def _unload(self, request: Any, call: Any) -> Any:
        await self._repository.unload(request.model_name)
        return message("RepositoryModelUnloadResponse")()


def _terms(call: Any) -> Terms:
    """Who asks and what the route is chosen by: metadata. Until when: the call's own deadline."""
    given = {name: str(value) for name, value in call.invocation_metadata() or ()}
    key, route_key = (given.get(h.lower(), "")[:MOST_KEY] for h in (KEY_HEADER, ROUTE_KEY_HEADER))
    remaining = call.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return Terms(key, deadline, route_key)


def _rpc(name: str, call: Call, logged: bool) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        observing(name, answering(call), logged),
        request_deserializer=message(f"{name}Request").FromString,
        response_serializer=message(f"{name}Response").SerializeToString,
    )
