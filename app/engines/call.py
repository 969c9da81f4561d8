"""Calling what an order names, in the process that is there for it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any


def call(target: str, arguments: dict[str, Any]) -> None:
    """Set up logging to standard error, import `package.module:function` and call it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    function(**arguments)
