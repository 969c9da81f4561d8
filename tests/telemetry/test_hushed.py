"""A library's advice is dropped, everybody else's lines are not."""

from __future__ import annotations

import logging

import pytest

from app.telemetry.logs import quiet_root_logger


def test_only_advice_on_the_root_logger_is_dropped_and_only_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    root = logging.getLogger()
    with quiet_root_logger():
        root.warning("advice")
        root.error("a library's error")
        logging.getLogger("a.place").warning("our warning")
    root.warning("afterwards")

    assert caplog.messages == ["a library's error", "our warning", "afterwards"]
