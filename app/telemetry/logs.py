"""How a process logs: lines of text or JSON, with the id of the request at work."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter

from app.settings import LogFormat

_TEXT = "{asctime} {levelname} {name} {message}{request_tag}"
REQUEST_ID_HEADER = b"x-request-id"
# Set in the request's own context, which threads that work for it inherit.
current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# What a line of a log or a header can hold without being broken or forged.
_SANE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def configure_logs(format: LogFormat, stream: TextIO | None = None) -> None:
    """Send what this process logs to `stream`, standard error by default; replaces handlers.

    `auto` is text on a terminal and JSON elsewhere. A JSON line has `time`, `level`, `logger`,
    `message`, and what the record carries besides: `request_id` while one is answered, `trace_id`
    where it is traced.
    """
    out = stream or sys.stderr
    as_text = format == "text" or (format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter(_TEXT, style="{") if as_text else _json())
    handler.addFilter(_add_request)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Its line for each request that we send says nothing that our own lines do not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger"},
        reserved_attrs=[
            *logging.makeLogRecord({}).__dict__,
            "message",
            "asctime",
            "request_tag",
            "color_message",
        ],
        json_ensure_ascii=False,
    )


def _add_request(record: logging.LogRecord) -> bool:
    """Give a record the id of the request at work, as a field and for lines of text."""
    id = getattr(record, "request_id", None) or current_request_id.get()
    if id is not None:
        record.request_id = id
    record.request_tag = "" if id is None else f" [{id}]"
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        record.trace_id = trace.format_trace_id(span.trace_id)
    return True


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that a request is known by: its header's where that is sane, else a new one."""
    for name, value in headers:
        if name == REQUEST_ID_HEADER and _SANE.fullmatch(value):
            return value.decode()
    return f"req_{secrets.token_hex(8)}"


@contextmanager
def quiet_root_logger() -> Iterator[None]:
    """Drop, meanwhile, what is logged below an error on the root logger itself.

    Its level stays as it is: every other part of the process inherits that.
    """
    root = logging.getLogger()
    root.addFilter(_is_error)
    try:
        yield
    finally:
        root.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def escape_unprintable(sent: str) -> str:
    """The text without what would end the line or move the cursor of a terminal."""
    return sent if sent.isprintable() else ascii(sent)
