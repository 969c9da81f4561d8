"""On which terms a request for predictions comes: who asks, and for how long."""

from __future__ import annotations

import math
import time

from starlette.requests import HTTPConnection

from app.domain.errors.predictions import TimeoutUnusable
from app.domain.predictions import Terms

KEY_HEADER = "X-Babelport-Key"
TIMEOUT_HEADER = "X-Babelport-Timeout-Ms"
ROUTE_KEY_HEADER = "X-Babelport-Route-Key"
MOST_KEY = 200


def terms_of(request: HTTPConnection) -> Terms:
    """By the headers KEY_HEADER, TIMEOUT_HEADER and ROUTE_KEY_HEADER; raises `TimeoutUnusable`."""
    key = request.headers.get(KEY_HEADER, "")[:MOST_KEY]
    route_key = request.headers.get(ROUTE_KEY_HEADER, "")[:MOST_KEY]
    given = request.headers.get(TIMEOUT_HEADER)
    if given is None:
        return Terms(key, None, route_key)
    return Terms(key, time.monotonic() + _milliseconds(given) / 1000, route_key)


def _milliseconds(given: str) -> float:
    try:
        found = float(given)
    except ValueError:
        raise TimeoutUnusable(given) from None
    if not (math.isfinite(found) and found > 0):
        raise TimeoutUnusable(given)
    return found
