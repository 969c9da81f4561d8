"""Identifiers and the clock of records."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def new_id(prefix: str) -> str:
    """A fresh identifier such as `mdl_9f2c41d07b3e6a58`.

    Prefixes are mdl, dst, trf, evl, bpr and dsg.
    """
    return f"{prefix}_{secrets.token_hex(8)}"


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
