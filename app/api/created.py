"""The answer that tells of a record just created."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Response
from pydantic import BaseModel


def created(
    schema: type[BaseModel], record: Any, address: str, status: int = HTTPStatus.CREATED
) -> Response:
    """The record by `schema` as JSON, with its `address` in the header Location.

    Made while the transaction is open, so that it can be kept with the request's key.
    """
    body = schema.model_validate(record).model_dump_json(by_alias=True)
    return Response(body, status, {"Location": address}, media_type="application/json")
