"""The schema of every error answer: problem details for HTTP APIs (RFC 9457)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


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
