"""The calls of the gRPC service, with errors as status codes and a line in the log for each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import grpc
from sqlalchemy.exc import SQLAlchemyError

from app.api.errors import as_sentence, as_service_error
from app.api.oip.grpc_messages import SERVICE, message, read_request, write_response
from app.api.oip.operations import (
    FEW_BYTES,
    ModelRepository,
    describe_model,
    infer,
    predicting_facts,
    reference_of,
    server_metadata,
)
from app.api.prediction_requests import KEY_HEADER, MAX_KEY_LENGTH, ROUTE_KEY_HEADER
from app.api.routes.health import Readiness
from app.domain.errors import (
    BabelportError,
    BytesLost,
    Conflict,
    InvalidInput,
    NoSpace,
    NotFound,
    Overloaded,
    PreconditionFailed,
    TooLarge,
    TooLate,
    Unavailable,
)
from app.domain.errors.predictions import ModelCannotPredict
from app.domain.predictions import PredictionOptions
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.telemetry.logs import (
    REQUEST_ID_HEADER,
    current_request_id,
    escape_unprintable,
    request_id_of,
)

_STATUS_CODES: dict[type[BabelportError], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    PreconditionFailed: grpc.StatusCode.ABORTED,
    TooLarge: grpc.StatusCode.INVALID_ARGUMENT,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooLate: grpc.StatusCode.DEADLINE_EXCEEDED,
    BytesLost: grpc.StatusCode.DATA_LOSS,
    NoSpace: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_LOGGER = logging.getLogger(__name__)
Call = Callable[[Any, Any], Awaitable[Any]]
_ACCESS_LOGGER = logging.getLogger("babelport.access")
_REQUEST_ID_KEY = REQUEST_ID_HEADER.decode()


class InferenceService:
    """Answers each call; raises the service's own errors."""

    def __init__(
        self, context: Context, dataplane: DataPlane, predictor: Predictor, readiness: Readiness
    ) -> None:
        self._context = context
        self._readiness = readiness
        self._dataplane = dataplane
        self._predictor = predictor
        self._repository = ModelRepository(context, dataplane, predictor)

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
        options = _options(call)
        # What the queue has no place for is refused before it is read.
        self._predictor.admission.check(options)
        most = self._context.settings.max_predict_inputs
        if sum(map(len, request.raw_input_contents)) <= FEW_BYTES:
            infer_request = read_request(request, most)
        else:
            infer_request = await asyncio.to_thread(read_request, request, most)
        reference = reference_of(request.model_name, request.model_version)
        answer = await infer(self._dataplane, reference, infer_request, options)
        return write_response(answer, request)

    async def _index(self, request: Any, call: Any) -> Any:
        found = await self._repository.index(request.ready)
        return message("RepositoryIndexResponse")(models=map(asdict, found))

    async def _load(self, request: Any, call: Any) -> Any:
        await self._repository.load(request.model_name)
        return message("RepositoryModelLoadResponse")()

    async def _unload(self, request: Any, call: Any) -> Any:
        await self._repository.unload(request.model_name)
        return message("RepositoryModelUnloadResponse")()


def _options(call: Any) -> PredictionOptions:
    """The keys come as metadata, the deadline is the call's own."""
    metadata = {name: str(value) for name, value in call.invocation_metadata() or ()}
    key, route_key = (
        metadata.get(h.lower(), "")[:MAX_KEY_LENGTH] for h in (KEY_HEADER, ROUTE_KEY_HEADER)
    )
    remaining = call.time_remaining()
    deadline = None if remaining is None else time.monotonic() + remaining
    return PredictionOptions(key, deadline, route_key)


def _rpc(name: str, call: Call, logged: bool) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        with_access_log(name, with_error_status(call), logged),
        request_deserializer=message(f"{name}Request").FromString,
        response_serializer=message(f"{name}Response").SerializeToString,
    )


def with_error_status(call: Call) -> Call:
    """The call, with the service's errors as statuses: message, advice and code in the details."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except BabelportError as error:
            failure = error
        except (SQLAlchemyError, OSError) as error:
            failure = as_service_error(error) or _unknown(error)
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:
            failure = _unknown(error)
        retry_after = getattr(failure, "retry_after", None)
        if retry_after is not None:
            trailer = (*context.trailing_metadata(), ("retry-after", str(retry_after)))
            context.set_trailing_metadata(trailer)
        await context.abort(_code(failure), as_sentence(failure.as_dict()))

    return answer


def _code(failure: BabelportError) -> grpc.StatusCode:
    codes = (code for family, code in _STATUS_CODES.items() if isinstance(failure, family))
    return next(codes, grpc.StatusCode.INTERNAL)


def _unknown(error: Exception) -> BabelportError:
    _LOGGER.error("An error without a status of gRPC", exc_info=error)
    return BabelportError(
        "The service met an error that it does not know.",
        "Look into the service's log, and report it if it happens again.",
    )


def with_access_log(name: str, call: Call, access_log: bool) -> Call:
    """The call, with a request id in its trailing metadata, logged when it is over.

    One that ended before it was answered is logged as cancelled.
    """

    async def answer(request: Any, context: Any) -> Any:
        started, code = time.perf_counter(), grpc.StatusCode.CANCELLED.name
        id = _id_of(context)
        token = current_request_id.set(id)
        # With the answer: initial metadata would be a message of their own.
        context.set_trailing_metadata(((_REQUEST_ID_KEY, id),))
        try:
            response = await call(request, context)
            code = grpc.StatusCode.OK.name
            return response
        except grpc.aio.AbortError:
            code = context.code().name
            raise
        finally:
            if access_log:
                _log_call(name, code, time.perf_counter() - started)
            current_request_id.reset(token)

    return answer


class UnknownCallHandler(grpc.GenericRpcHandler):
    """Refuses calls that no handler knows, which would not be logged otherwise."""

    def __init__(self, access_log: bool) -> None:
        self._access_log = access_log

    def service(self, details: Any) -> grpc.RpcMethodHandler:
        """A refusal, as a stream: it need not be sent anything, and suits a single message too."""
        name = details.method.rpartition("/")[2]
        refusal = with_access_log(escape_unprintable(name), _refuse, self._access_log)
        return grpc.stream_stream_rpc_method_handler(refusal)


async def _refuse(request: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "The service does not know this call.")


def _id_of(context: Any) -> str:
    metadata = context.invocation_metadata() or ()
    return request_id_of(
        [(REQUEST_ID_HEADER, str(v).encode()) for key, v in metadata if key == _REQUEST_ID_KEY]
    )


def _log_call(name: str, code: str, seconds: float) -> None:
    # Not `status`: that is a number in HTTP's lines, and log collectors want one type.
    extra = {"method": name, "code": code, "milliseconds": round(seconds * 1000, 2)}
    _ACCESS_LOGGER.info("gRPC %s %s in %.1f ms", name, code, seconds * 1000, extra=extra)
