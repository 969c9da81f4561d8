"""From errors to answers: problem+json (RFC 9457), or the form of the Open Inference Protocol.

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
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import Send

from app.api.forms import FieldsInvalid
from app.artifacts.disk_space import is_disk_full
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
from app.domain.errors.requests import RequestInvalid
from app.domain.errors.service import DatabaseBusy, DatabaseUnreachable, DiskFull
from app.domain.invalid_fields import DESCRIBED, explain_fields
from app.store.database import is_connection_lost
from app.telemetry.logs import current_request_id

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
OVERLOADED_STATUS = HTTPStatus.TOO_MANY_REQUESTS
_OVERLOADED_PHRASE = OVERLOADED_STATUS.phrase
_RETRY_AFTER_SECONDS = "1"
_INFERENCE_PREFIX = "/v2"
_LOGGER = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong and what to do about it, as `application/problem+json`."""

    type: str = Field("about:blank", description="Always about:blank; `code` tells errors apart.")
    title: str = Field(description="The phrase of the HTTP status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, for people.")
    code: str = Field(description="What happened, for programs: stable, in kebab-case.")
    advice: str = Field(description="What to do next.")
    errors: Any = Field(default_factory=dict, description="The details of this code, as data.")
    id: str | None = Field(None, description="The record that was made all the same, if any.")
    request_id: str | None = Field(
        None, description="The id of the request, as in `X-Request-Id` and the service's log."
    )


class InferenceError(BaseModel):
    """What went wrong and what to do about it."""

    error: str = Field(description="What happened, what to do next, and the code in brackets.")


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the service and of the framework a problem+json answer."""
    app.add_exception_handler(BabelportError, _answer_service_error)
    app.add_exception_handler(HTTPException, _answer_framework)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(SQLAlchemyError, _answer_database)
    app.add_exception_handler(OSError, _answer_system)
    app.add_exception_handler(Exception, _answer_unexpected)


def responses(*errors: BabelportError) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its OpenAPI description, by an example of each."""
    described: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        add_problem_example(described, error.as_dict(), status_of(error) or 500)
    return described


def inference_responses(*errors: BabelportError) -> dict[int | str, dict[str, Any]]:
    """The same of a route of the Open Inference Protocol."""
    described: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        add_inference_example(described, error.as_dict(), inference_status(status_of(error) or 500))
    return described


def status_of(error: BabelportError) -> int | None:
    """The HTTP status of an error; None where its family has none."""
    if isinstance(error, Overloaded):
        return int(OVERLOADED_STATUS)
    statuses = (status for family, status in _STATUSES.items() if isinstance(error, family))
    return next(statuses, None)


def problem_response(failure: dict[str, Any], status: int, id: str | None = None) -> JSONResponse:
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


def add_problem_example(
    described: dict[Any, dict[str, Any]], failure: dict[str, Any], status: int | str
) -> None:
    """Add a failure to the answers of a route, which are by `status`, a number or its digits."""
    value = _problem(failure, int(status)).model_dump(exclude={"id", "request_id"})
    examples = _examples_of(described, status, "application/problem+json", "Problem")
    examples[failure["code"]] = {"value": value}


def is_inference_path(path: str) -> bool:
    """Whether an address belongs to the protocol, and is answered in its form."""
    return path == _INFERENCE_PREFIX or path.startswith(_INFERENCE_PREFIX + "/")


def inference_error_response(failure: dict[str, Any], status: int) -> JSONResponse:
    """The answer for an error's `as_dict()`; where REST answers 422, the protocol answers 400."""
    return JSONResponse({"error": as_sentence(failure)}, inference_status(status))


def inference_status(status: int) -> int:
    """The protocol's status where the service's own API has `status`."""
    return 400 if status == 422 else status


def add_inference_example(
    described: dict[Any, dict[str, Any]], failure: dict[str, Any], status: int | str
) -> None:
    """The same for a route of the Open Inference Protocol."""
    examples = _examples_of(described, status, "application/json", "InferenceError")
    examples[failure["code"]] = {"value": {"error": as_sentence(failure)}}


def _examples_of(
    described: dict[Any, dict[str, Any]], status: int | str, media_type: str, schema: str
) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": {}}
    new = {"description": HTTPStatus(int(status)).phrase, "content": {media_type: content}}
    examples: dict[str, Any] = described.setdefault(status, new)["content"][media_type]["examples"]
    return examples


def as_sentence(failure: dict[str, Any]) -> str:
    """Message, advice and code in one text."""
    return f"{failure['message']} {failure['advice']} ({failure['code']})"


async def send_overloaded(send: Send, path: str, error: Overloaded) -> None:
    """Answer a request at `path` with a 429 in the form of its protocol; its body may be unread."""
    body, media_type = overloaded_body(path, error)
    headers = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", media_type.encode()),
        (b"retry-after", b"%d" % error.retry_after),
    ]
    await send(
        {"type": "http.response.start", "status": int(OVERLOADED_STATUS), "headers": headers}
    )
    await send({"type": "http.response.body", "body": body})


def overloaded_body(path: str, error: Overloaded) -> tuple[bytes, str]:
    """The body of a 429, a `Problem` but for the Open Inference Protocol, and its media type."""
    if is_inference_path(path):
        return to_json({"error": as_sentence(error.as_dict())}), "application/json"
    problem = {
        "type": "about:blank",
        "title": _OVERLOADED_PHRASE,
        "status": int(OVERLOADED_STATUS),
        "detail": error.message,
        "code": error.code,
        "advice": error.advice,
        "errors": error.fields,
        "request_id": current_request_id.get(),
    }
    return to_json(problem), "application/problem+json"


def framework_failure(status: int, message: str) -> dict[str, Any]:
    """An error of the framework's own in the form of `as_dict()`."""
    code, advice = _FRAMEWORK.get(status, ("http-error", "See the API at /docs."))
    return {"code": code, "message": message, "advice": advice, "fields": {}}


def as_service_error(error: Exception) -> BabelportError | None:
    """The service's error for one of the database or the system, if there is one; logs it."""
    if is_disk_full(error):
        _LOGGER.error("The disk is full: %s", error)
        return DiskFull()
    if isinstance(error, PoolTimeout):
        return DatabaseBusy()
    if isinstance(error, DBAPIError) and is_connection_lost(error):
        _LOGGER.warning("The database does not answer: %s", type(error).__name__)
        return DatabaseUnreachable(type(error).__name__)
    return None


def _answer_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, BabelportError)
    if isinstance(error, Overloaded):
        return _overloaded_response(request.url.path, error)
    status = status_of(error)
    if status is None:
        _LOGGER.error("An error without an HTTP status", exc_info=error)
    answer = _answer(request.url.path, error.as_dict(), status or 500)
    if isinstance(error, Unavailable):
        answer.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return answer


def _overloaded_response(path: str, error: Overloaded) -> Response:
    body, media_type = overloaded_body(path, error)
    return Response(body, OVERLOADED_STATUS, {"Retry-After": str(error.retry_after)}, media_type)


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
    return _answer_service_error(request, RequestInvalid(explain_fields(error.errors(), schema)))


def _answer_database(request: Request, error: Exception) -> Response:
    if (service_error := as_service_error(error)) is not None:
        return _answer_service_error(request, service_error)
    _LOGGER.error("A statement that the database refused", exc_info=error)
    return _answer_unexpected(request, error)


def _answer_system(request: Request, error: Exception) -> Response:
    if (service_error := as_service_error(error)) is not None:
        return _answer_service_error(request, service_error)
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


def _answer(path: str, failure: dict[str, Any], status: int) -> JSONResponse:
    """The answer in the form of the protocol that `path` belongs to."""
    respond = inference_error_response if is_inference_path(path) else problem_response
    return respond(failure, status)
