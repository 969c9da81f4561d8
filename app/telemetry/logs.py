"""How a process logs: lines of text for people, or of JSON for what collects them."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter

from app.settings import LogFormat
from app.telemetry.request_ids import current_request_id

_TEXT = "{asctime} {levelname} {name} {message}{about}"


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
    logging.getLogger("httpx").setLevel(logging.WARNING)


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
            "about",
            "color_message",
        ],
        json_ensure_ascii=False,
    )


def _add_request(record: logging.LogRecord) -> bool:
    """Give a record the id of the request at work, as a field and for lines of text."""
    id = getattr(record, "request_id", None) or current_request_id.get()
    if id is not None:
        record.request_id = id
    record.about = "" if id is None else f" [{id}]"
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        record.trace_id = trace.format_trace_id(span.trace_id)
    return True
