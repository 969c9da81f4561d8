"""Lines of the log, as a person and as a machine read them."""

from __future__ import annotations

import json
import subprocess
import sys

_LOGS = """
import logging, sys
from app.telemetry.logs import configure_logs
from app.telemetry.logs import current_request_id

configure_logs(sys.argv[1])
log = logging.getLogger("a.place")
log.info("before %s", "any request")
current_request_id.set("req_1")
log.warning("two\\nlines", extra={"model": "intents@1"})
try:
    raise ValueError("wrong")
except ValueError:
    log.exception("failed")
"""


def test_a_line_of_json_says_when_where_what_and_for_which_request() -> None:
    lines = [json.loads(line) for line in _logged("auto").splitlines()]

    before, warned, failed = lines
    assert set(before) == {"time", "level", "logger", "message"}
    assert before["message"] == "before any request"
    assert warned["level"] == "WARNING"
    assert warned["logger"] == "a.place"
    assert warned["message"] == "two\nlines"
    assert warned["model"] == "intents@1"
    assert warned["request_id"] == failed["request_id"] == "req_1"
    assert "ValueError: wrong" in failed["exc_info"]


def test_a_line_of_text_names_the_request_behind_the_message() -> None:
    lines = _logged("text").splitlines()

    assert lines[0].endswith("INFO a.place before any request")
    assert lines[2] == "lines [req_1]"
    assert "ValueError: wrong" in lines


def _logged(format: str) -> str:
    command = [sys.executable, "-c", _LOGS, format]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr
