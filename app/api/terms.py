"""On which terms a request for predictions comes: who asks, and for how long."""

from __future__ import annotations

import math
import time

from fastapi import Request

from app.domain.errors.predictions import TimeoutUnusable
from app.domain.predictions import Terms

KEY_HEADER = "X-Babelport-Key"
TIMEOUT_HEADER = "X-Babelport-Timeout-Ms"
_MOST_KEY = 200


def terms_of(request: Request) -> Terms:
    """By the headers KEY_HEADER and TIMEOUT_HEADER; raises `TimeoutUnusable`."""
    key = request.headers.get(KEY_HEADER, "")[:_MOST_KEY]
    given = request.headers.get(TIMEOUT_HEADER)
    if given is None:
        return Terms(key)
    return Terms(key, time.monotonic() + _milliseconds(given) / 1000)


def _milliseconds(given: str) -> float:
    try:
        found = float(given)
    except ValueError:
        raise TimeoutUnusable(given) from None
    if not (math.isfinite(found) and found > 0):
        raise TimeoutUnusable(given)
    return found
