"""The answer to a request for which there is no room, made with next to no work."""

from __future__ import annotations

from http import HTTPStatus

from pydantic_core import to_json
from starlette.types import Send

from app.api.oip.refusals import as_sentence, speaks_protocol
from app.domain.errors import Overloaded
from app.telemetry.request_ids import current_request_id

STATUS = HTTPStatus.TOO_MANY_REQUESTS
_PHRASE = STATUS.phrase


async def send_refusal(send: Send, path: str, error: Overloaded) -> None:
    """Answer a request at `path` with a 429 in the form of its protocol; its body may be unread."""
    body, media_type = refusal_body(path, error)
    headers = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", media_type.encode()),
        (b"retry-after", b"%d" % error.retry_after),
    ]
    await send({"type": "http.response.start", "status": int(STATUS), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refusal_body(path: str, error: Overloaded) -> tuple[bytes, str]:
    """The body of a 429, a `Problem` but for the Open Inference Protocol, and its media type."""
    if speaks_protocol(path):
        return to_json({"error": as_sentence(error.as_dict())}), "application/json"
    problem = {
        "type": "about:blank",
        "title": _PHRASE,
        "status": int(STATUS),
        "detail": error.message,
        "code": error.code,
        "advice": error.advice,
        "errors": error.fields,
        "request_id": current_request_id.get(),
    }
    return to_json(problem), "application/problem+json"
