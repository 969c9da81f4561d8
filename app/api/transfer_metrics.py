"""Transfers by state, asked of the database when somebody scrapes."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.services.context import Context
from app.store import transfer_counts


class TransferMetrics(Collector):
    """What the database knows; while it does not answer, only that it does not."""

    def __init__(self, registry: CollectorRegistry, context: Context) -> None:
        self._context = context
        registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing, so that registering this does not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The series of this moment."""
        try:
            with self._context.readers() as session:
                counted = transfer_counts.by_state(session)
                oldest = transfer_counts.oldest_queued_seconds(session)
        except SQLAlchemyError:
            yield GaugeMetricFamily("babelport_database_up", "1 while it answers.", 0)
            return
        yield GaugeMetricFamily("babelport_database_up", "1 while it answers.", 1)
        states = GaugeMetricFamily("babelport_transfers", "Transfers by state.", labels=["state"])
        for state, number in counted.items():
            states.add_metric([state.value], number)
        yield states
        text = "Seconds since the oldest transfer that waits was asked for; 0 where none waits."
        yield GaugeMetricFamily("babelport_transfers_oldest_queued_seconds", text, oldest)
