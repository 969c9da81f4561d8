"""From errors to answers, problem+json but for the Open Inference Protocol.

The one place where errors become HTTP statuses.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException

from app.api.form_fields import FieldsInvalid
from app.api.oip.refusals import add_refusal, protocol_status, refusal, speaks_protocol
from app.api.refused import STATUS as REFUSED
from app.api.refused import refusal_body
from app.api.schemas.problems import Problem
from app.artifacts.room import is_disk_full
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
from app.domain.errors.readiness import DatabaseBusy, DatabaseUnreachable
from app.domain.errors.requests import RequestInvalid
from app.domain.errors.storage import DiskFull
from app.domain.invalid_fields import DESCRIBED, explain_fields
from app.store.patience import is_connection_lost
from app.telemetry.request_ids import current_request_id

_STATUSES: dict[type[BabelportError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    Unavailable: 503,
    TooLate: 504,
    BytesLost: 500,
    NoSpace: 507,
}
_FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("bad-request", DESCRIBED),
    404: ("no-such-address", "The addresses of the API are listed at /docs."),
    413: ("body-too-large", "Send less at once."),
    405: ("method-not-allowed", "The header Allow names the methods of this address."),
}
_COME_BACK_SECONDS = "1"
_LOGGER = logging.getLogger(__name__)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the service and of the framework a problem+json answer."""
    app.add_exception_handler(BabelportError, _answer_ours)
    app.add_exception_handler(HTTPException, _answer_framework)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(SQLAlchemyError, _answer_database)
    app.add_exception_handler(OSError, _answer_system)
    app.add_exception_handler(Exception, _answer_unexpected)


def problem(failure: dict[str, Any], status: int, id: str | None = None) -> JSONResponse:
    """The answer for an error's `as_dict()`; `id` names the record that was made all the same."""
    body = _problem(failure, status, id, current_request_id.get())
    content = body.model_dump(exclude={"id"} if id is None else None)
    return JSONResponse(content, status, media_type="application/problem+json")


def _problem(
    failure: dict[str, Any], status: int, id: str | None = None, request_id: str | None = None
) -> Problem:
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=failure["message"],
        code=failure["code"],
        advice=failure["advice"],
        errors=jsonable_encoder(failure["fields"]),
        id=id,
        request_id=request_id,
    )


def _overloaded(path: str, error: Overloaded) -> Response:
    body, media_type = refusal_body(path, error)
    return Response(body, REFUSED, {"Retry-After": str(error.retry_after)}, media_type)


def _answer(path: str, failure: dict[str, Any], status: int) -> JSONResponse:
    """The answer in the form of whoever asked."""
    form = refusal if speaks_protocol(path) else problem
    return form(failure, status)


def responses(*errors: BabelportError) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its OpenAPI description, by an example of each."""
    described: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        add_example(described, error.as_dict(), status_of(error) or 500)
    return described


def refusals(*errors: BabelportError) -> dict[int | str, dict[str, Any]]:
    """The same of a route of the Open Inference Protocol."""
    described: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        add_refusal(described, error.as_dict(), protocol_status(status_of(error) or 500))
    return described


def framework_failure(status: int, message: str) -> dict[str, Any]:
    """What an error of the framework's own is told as, in the form of `as_dict()`."""
    code, advice = _FRAMEWORK.get(status, ("http-error", "See the API at /docs."))
    return {"code": code, "message": message, "advice": advice, "fields": {}}


def add_example(
    described: dict[Any, dict[str, Any]], failure: dict[str, Any], status: int | str
) -> None:
    """Add a failure to the answers of a route, which are by `status`, a number or its digits."""
    schema = {"$ref": "#/components/schemas/Problem"}
    new = {
        "description": HTTPStatus(int(status)).phrase,
        "content": {"application/problem+json": {"schema": schema, "examples": {}}},
    }
    answer = described.setdefault(status, new)
    examples = answer["content"]["application/problem+json"]["examples"]
    value = _problem(failure, int(status)).model_dump(exclude={"id", "request_id"})
    examples[failure["code"]] = {"value": value}


def status_of(error: BabelportError) -> int | None:
    """The HTTP status of an error; None where its family has none."""
    if isinstance(error, Overloaded):
        return int(REFUSED)
    statuses = (status for family, status in _STATUSES.items() if isinstance(error, family))
    return next(statuses, None)


def _answer_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, BabelportError)
    if isinstance(error, Overloaded):
        return _overloaded(request.url.path, error)
    status = status_of(error)
    if status is None:
        _LOGGER.error("An error without an HTTP status", exc_info=error)
    answer = _answer(request.url.path, error.as_dict(), status or 500)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = _COME_BACK_SECONDS
    return answer


def _answer_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    failure = framework_failure(error.status_code, str(error.detail))
    answer = _answer(request.url.path, failure, error.status_code)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods_of(request))
    return answer


def _methods_of(request: Request) -> list[str]:
    """Every method of an address, which may be served by several routes."""
    path = request.url.path
    matching = (one for one in request.app.state.routes if one.path_regex.match(path))
    return sorted({method for route in matching for method in route.methods or ()})


def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    schema = error.schema if isinstance(error, FieldsInvalid) else None
    return _answer_ours(request, RequestInvalid(explain_fields(error.errors(), schema)))


def as_ours(error: Exception) -> BabelportError | None:
    """The error of ours that one of the database or the system stands for, if any; logs it."""
    if is_disk_full(error):
        _LOGGER.error("The disk is full: %s", error)
        return DiskFull()
    if isinstance(error, NoConnectionFree):
        return DatabaseBusy()
    if isinstance(error, DBAPIError) and is_connection_lost(error):
        _LOGGER.warning("The database does not answer: %s", type(error).__name__)
        return DatabaseUnreachable(type(error).__name__)
    return None


def _answer_database(request: Request, error: Exception) -> Response:
    if (ours := as_ours(error)) is not None:
        return _answer_ours(request, ours)
    _LOGGER.error("A statement that the database refused", exc_info=error)
    return _answer_unexpected(request, error)


def _answer_system(request: Request, error: Exception) -> Response:
    if (ours := as_ours(error)) is not None:
        return _answer_ours(request, ours)
    raise error


def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    # The framework logs the traceback itself when this handler has answered.
    failure = {
        "code": "internal-error",
        "message": "The service met an error that it does not know.",
        "advice": "Look into the service's log, and report it if it happens again.",
        "fields": {},
    }
    return _answer(request.url.path, failure, 500)
