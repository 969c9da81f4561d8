"""Calling what an order names, in the process that is there for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from app.telemetry.logs import configure_logs


def call(target: str, arguments: dict[str, Any]) -> None:
    """Set up logging to standard error, import `package.module:function` and call it."""
    # A file of its own that a person reads, whatever the worker writes.
    configure_logs("text")
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    function(**arguments)
