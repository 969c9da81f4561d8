"""From errors to the status codes of gRPC; the one place where they are chosen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from sqlalchemy.exc import SQLAlchemyError

from app.api.errors import as_ours
from app.api.oip.refusals import as_sentence
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

_CODES: dict[type[BabelportError], grpc.StatusCode] = {
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


def answering(call: Call) -> Call:
    """The call, with the service's errors as statuses: message, advice and code in the details."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except BabelportError as error:
            failure = error
        except (SQLAlchemyError, OSError) as error:
            failure = as_ours(error) or _unknown(error)
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:
            failure = _unknown(error)
        come_back = getattr(failure, "retry_after", None)
        if come_back is not None:
            trailer = (*context.trailing_metadata(), ("retry-after", str(come_back)))
            context.set_trailing_metadata(trailer)
        await context.abort(_code(failure), as_sentence(failure.as_dict()))

    return answer


def _code(failure: BabelportError) -> grpc.StatusCode:
    codes = (code for family, code in _CODES.items() if isinstance(failure, family))
    return next(codes, grpc.StatusCode.INTERNAL)


def _unknown(error: Exception) -> BabelportError:
    _LOGGER.error("An error without a status of gRPC", exc_info=error)
    return BabelportError(
        "The service met an error that it does not know.",
        "Look into the service's log, and report it if it happens again.",
    )
