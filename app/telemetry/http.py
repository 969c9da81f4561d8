"""What is measured of HTTP requests: counts and times by route, and traces."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from fastapi.telemetry import TelemetryConfig
from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A method is whatever word a client sends; what is not of HTTP shares one series.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """What became of requests; an address without a route counts as `unmatched`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("method", "route")
        self._requests = Counter(
            "babelport_http_requests",
            "Requests, by route and status.",
            (*names, "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "babelport_http_request_seconds",
            "From the request's first line to the answer's last byte.",
            names,
            buckets=_SECONDS,
            registry=registry,
        )
        # Finding a series by its labels takes longer than counting in it.
        self._series = lru_cache(maxsize=1024)(self._find)

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one request."""
        known = method if method in _METHODS else "other"
        requests, times = self._series(known, route or "unmatched", status)
        requests.inc()
        times.observe(seconds)

    def _find(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return (
            self._requests.labels(method, route, str(status)),
            self._seconds.labels(method, route),
        )


def traces_only() -> TelemetryConfig:
    """What FastAPI shall tell OpenTelemetry: one span for each request, nothing of ours twice.

    It sends spans where `OTEL_EXPORTER_OTLP_ENDPOINT` (or its variant for traces) is set and the
    extra `otel` is installed; otherwise a request costs it a few comparisons.
    """
    return {
        "auto_configure": _can_send(),
        "metrics": False,
        "logs": False,
        "operation_spans": False,
    }


def _can_send() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
