"""The id of the request at work: the sender's where it is sane, else one of our own."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = b"x-request-id"

# Set in the request's own context, which threads that work for it inherit.
current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

# What a line of a log or a header can hold without being broken or forged.
_SANE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that a request is known by: its header's where that is sane, else a new one."""
    for name, value in headers:
        if name == HEADER and _SANE.fullmatch(value):
            return value.decode()
    return f"req_{secrets.token_hex(8)}"
