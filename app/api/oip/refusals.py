"""Errors in the form of the Open Inference Protocol: one sentence under the key `error`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

_PREFIX = "/v2"


class InferenceError(BaseModel):
    """What went wrong and what to do about it."""

    error: str = Field(description="What happened, what to do next, and the code in brackets.")


def speaks_protocol(path: str) -> bool:
    """Whether an address belongs to the protocol, and is answered in its form."""
    return path == _PREFIX or path.startswith(_PREFIX + "/")


def refusal(failure: dict[str, Any], status: int) -> JSONResponse:
    """The answer for an error's `as_dict()`; where our own API says 422, the protocol says 400."""
    return JSONResponse({"error": as_sentence(failure)}, protocol_status(status))


def protocol_status(status: int) -> int:
    """The protocol's status where our own API has `status`."""
    return 400 if status == 422 else status


def as_sentence(failure: dict[str, Any]) -> str:
    """Message, advice and code in one text."""
    return f"{failure['message']} {failure['advice']} ({failure['code']})"


def add_refusal(
    described: dict[Any, dict[str, Any]], failure: dict[str, Any], status: int | str
) -> None:
    """Add a failure to the answers of a route, which are by `status`, a number or its digits."""
    schema = {"$ref": "#/components/schemas/InferenceError"}
    new = {
        "description": HTTPStatus(int(status)).phrase,
        "content": {"application/json": {"schema": schema, "examples": {}}},
    }
    examples = described.setdefault(status, new)["content"]["application/json"]["examples"]
    examples[failure["code"]] = {"value": {"error": as_sentence(failure)}}
