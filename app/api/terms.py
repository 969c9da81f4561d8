"""On which terms a request for predictions comes: who asks, and for how long."""

from __future__ import annotations

import math
import time

from starlette.types import Scope

from app.domain.errors.predictions import TimeoutUnusable
from app.domain.predictions import NO_TERMS, Terms

KEY_HEADER = "X-Babelport-Key"
TIMEOUT_HEADER = "X-Babelport-Timeout-Ms"
ROUTE_KEY_HEADER = "X-Babelport-Route-Key"
MOST_KEY = 200
_OURS = b"x-babelport-"
_NAMES = tuple(
    name.lower().encode().removeprefix(_OURS)
    for name in (KEY_HEADER, TIMEOUT_HEADER, ROUTE_KEY_HEADER)
)
_READ = "babelport.terms"  # the key in the scope for what was read


def terms_of(scope: Scope) -> Terms:
    """By the headers KEY_HEADER, TIMEOUT_HEADER and ROUTE_KEY_HEADER; raises `TimeoutUnusable`.

    They are read once for each request, and its time runs from then.
    """
    known: Terms | None = scope.get(_READ)
    if known is None:
        known = scope[_READ] = _read(scope["headers"])
    return known


def _read(headers: list[tuple[bytes, bytes]]) -> Terms:
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name.startswith(_OURS):
            found.setdefault(name[len(_OURS) :], value.decode("latin-1"))
    if not found:
        return NO_TERMS
    key, given, route_key = map(found.get, _NAMES)
    deadline = None if given is None else time.monotonic() + _milliseconds(given) / 1000
    return Terms((key or "")[:MOST_KEY], deadline, (route_key or "")[:MOST_KEY])


def _milliseconds(given: str) -> float:
    try:
        found = float(given)
    except ValueError:
        raise TimeoutUnusable(given) from None
    if not (math.isfinite(found) and found > 0):
        raise TimeoutUnusable(given)
    return found
