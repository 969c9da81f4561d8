"""On which terms an HTTP request asks for predictions: its headers."""

from __future__ import annotations

import math
import time

from fastapi import Request

from app.domain.errors.predictions import TimeoutUnusable
from app.domain.predictions import NO_TERMS, Terms

_KEY = "x-babelport-key"
_TIMEOUT = "x-babelport-timeout-ms"


def terms_of(request: Request) -> Terms:
    """Who asks (`X-Babelport-Key`), and until when an answer is of use (`X-Babelport-Timeout-Ms`).

    Raises TimeoutUnusable.
    """
    headers = request.headers
    key, timeout = headers.get(_KEY, ""), headers.get(_TIMEOUT)
    if timeout is None:
        return Terms(key) if key else NO_TERMS
    try:
        milliseconds = float(timeout)
    except ValueError:
        raise TimeoutUnusable(timeout) from None
    if not (math.isfinite(milliseconds) and milliseconds > 0):
        raise TimeoutUnusable(timeout)
    return Terms(key, time.monotonic() + milliseconds / 1000)
