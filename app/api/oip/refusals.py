"""Errors in the form of the Open Inference Protocol: one sentence under the key `error`."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

_PREFIX = "/v2"


class InferenceError(BaseModel):
    """What went wrong and what to do about it."""

    error: str = Field(examples=["There is no model 'intents@9'. Use an id. (model-not-found)"])


def speaks_protocol(path: str) -> bool:
    """Whether an address belongs to the protocol, and is answered in its form."""
    return path == _PREFIX or path.startswith(_PREFIX + "/")


def refusal(failure: dict[str, Any], status: int) -> JSONResponse:
    """The answer for an error's `as_dict()`; where our own API says 422, the protocol says 400."""
    return JSONResponse({"error": as_sentence(failure)}, 400 if status == 422 else status)


def as_sentence(failure: dict[str, Any]) -> str:
    """Message, advice and code in one text."""
    return f"{failure['message']} {failure['advice']} ({failure['code']})"


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route of the protocol, for its OpenAPI description."""
    return {status: {"model": InferenceError} for status in statuses}
