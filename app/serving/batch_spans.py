"""Spans of what a request for predictions waited for and was computed in."""

from __future__ import annotations

import time
from collections import OrderedDict

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext

from app.domain.serving import BatchFacts
from app.serving.observation import Observation

_NANOSECONDS = 1e9
_REMEMBERED = 256
_TRACER = trace.get_tracer("babelport")


class BatchSpans:
    """An observer of the data plane that adds two spans to that of a traced request.

    `queue` and `batch` are made afterwards, from the times that came with the answer. Requests of
    one batch are of different traces: each one's `batch` span links to that of the first request
    that told of it. Untraced requests cost a look at the context.
    """

    def __init__(self) -> None:
        self._first: OrderedDict[tuple[int, float], SpanContext] = OrderedDict()

    def __call__(self, observation: Observation) -> None:
        """Add the spans, where the request has one that is recorded."""
        batch = observation.batch
        if batch is None or not trace.get_current_span().is_recording():
            return
        ended = time.time_ns()
        began = ended - int(batch.seconds * _NANOSECONDS)
        queued = began - int(batch.waited_seconds * _NANOSECONDS)
        _TRACER.start_span("queue", start_time=queued).end(began)
        model = f"{observation.model.name}@{observation.model.version}"
        self._add_batch(batch, model, began, ended)

    def _add_batch(self, batch: BatchFacts, model: str, began: int, ended: int) -> None:
        key = (batch.number, batch.seconds)
        first = self._first.get(key)
        span = _TRACER.start_span(
            "batch",
            start_time=began,
            links=[] if first is None else [Link(first)],
            attributes={
                "babelport.model": model,
                "babelport.batch.number": batch.number,
                "babelport.batch.inputs": batch.inputs,
                "babelport.batch.tokens": batch.tokens,
                "babelport.batch.padded_tokens": batch.padded,
            },
        )
        span.end(ended)
        if first is None:
            self._first[key] = span.get_span_context()
            while len(self._first) > _REMEMBERED:
                self._first.popitem(last=False)
