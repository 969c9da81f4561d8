"""Traces: FastAPI's own spans of requests, sent where OpenTelemetry's usual variables say."""

from __future__ import annotations

from importlib.util import find_spec

from fastapi.telemetry import TelemetryConfig


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
