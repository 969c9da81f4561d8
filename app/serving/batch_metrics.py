"""What batches were like, told with the answers, and what the predictor process holds."""

from __future__ import annotations

from collections import deque

from prometheus_client import CollectorRegistry, Histogram

from app.domain.serving import BatchFacts
from app.serving.observation import Observation

_INPUTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_TOKENS = (16, 64, 256, 1024, 4096, 16384, 65536)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Answers of one batch arrive together, those of several lanes a little mixed.
_REMEMBERED = 64


class BatchMetrics:
    """An observer of the data plane that counts each batch once, by the last one of each answer.

    A request that took several batches tells of its last one alone: these are shapes and times;
    what was computed in all is counted by the predictor process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"babelport_{name}", text, buckets=buckets, registry=registry)

        self._inputs = histogram("batch_inputs", "Inputs of a batch.", _INPUTS)
        self._tokens = histogram("batch_tokens", "Tokens of a batch, padding not counted.", _TOKENS)
        self._seconds = histogram("batch_seconds", "What computing a batch took.", _SECONDS)
        self._waited = histogram(
            "queue_seconds", "What requests waited for their last batch.", _SECONDS
        )
        self._known: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def __call__(self, observation: Observation) -> None:
        """Count the request's wait, and its batch unless another answer told of it already."""
        batch = observation.batch
        if batch is None:
            return
        self._waited.observe(batch.waited_seconds)
        # A new predictor process counts from 1 again, but takes another time.
        told = (batch.number, batch.seconds)
        if told not in self._known:
            self._known.append(told)
            self._count(batch)

    def _count(self, batch: BatchFacts) -> None:
        self._inputs.observe(batch.inputs)
        self._tokens.observe(batch.tokens)
        self._seconds.observe(batch.seconds)
