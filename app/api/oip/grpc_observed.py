"""Every gRPC call gets an id and a line in the log, as `observed.py` gives HTTP's requests."""

from __future__ import annotations

import logging
import time
from typing import Any

import grpc

from app.api.oip.grpc_errors import Call
from app.telemetry.printable import printable
from app.telemetry.request_ids import HEADER, current_request_id, request_id_of

_LOGGER = logging.getLogger("babelport.access")
_KEY = HEADER.decode()


def observing(name: str, call: Call, access_log: bool) -> Call:
    """The call, known by an id that its trailing metadata tell, and logged when it is over.

    One that ended before it was answered counts as one that its caller left.
    """

    async def answer(request: Any, context: Any) -> Any:
        started, code = time.perf_counter(), grpc.StatusCode.CANCELLED.name
        id = _id_of(context)
        given = current_request_id.set(id)
        # With the answer: initial metadata would be a message of their own.
        context.set_trailing_metadata(((_KEY, id),))
        try:
            answered = await call(request, context)
            code = grpc.StatusCode.OK.name
            return answered
        except grpc.aio.AbortError:
            code = context.code().name
            raise
        finally:
            if access_log:
                _tell(name, code, time.perf_counter() - started)
            current_request_id.reset(given)

    return answer


class UnknownCalls(grpc.GenericRpcHandler):
    """Refuses what no handler before it answers, which would leave no trace otherwise."""

    def __init__(self, access_log: bool) -> None:
        self._access_log = access_log

    def service(self, details: Any) -> grpc.RpcMethodHandler:
        """A refusal, as a stream: it need not be sent anything, and suits a single message too."""
        name = details.method.rpartition("/")[2]
        refusal = observing(printable(name), _refuse, self._access_log)
        return grpc.stream_stream_rpc_method_handler(refusal)


async def _refuse(request: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "The service does not know this call.")


def _id_of(context: Any) -> str:
    metadata = context.invocation_metadata() or ()
    return request_id_of([(HEADER, str(v).encode()) for key, v in metadata if key == _KEY])


def _tell(name: str, code: str, seconds: float) -> None:
    # Not `status`: that is a number in HTTP's lines, and what collects them wants one type.
    about = {"method": name, "code": code, "milliseconds": round(seconds * 1000, 2)}
    _LOGGER.info("gRPC %s %s in %.1f ms", name, code, seconds * 1000, extra=about)
