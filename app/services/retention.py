"""Retention: what is older than the settings keep it is dropped, a few rows at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.identity import now
from app.services.artifacts import drop_unused
from app.services.context import Context
from app.services.jobs import drop_logs
from app.store import retention, scheduling

# So few that a write lock on SQLite is held for milliseconds, and others write in between.
_ROWS_PER_TRANSACTION = 50
_PAUSE_SECONDS = 0.01
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class DroppedCounts:
    """How many of each were dropped."""

    events: int
    attempts: int
    predictions: int
    keys: int
    logs: int
    results: int = 0
    traffic: int = 0
    tenants: int = 0


def apply_retention(context: Context, stop: threading.Event | None = None) -> DroppedCounts:
    """Drop what the settings `keep_..._days` do not keep, a few rows in each transaction.

    What is 0 there is kept for ever. Once `stop` is set it ends early; the next call goes on.
    """
    settings, run = context.settings, _RetentionRun(context, stop or threading.Event())
    return DroppedCounts(
        events=run.drop(
            settings.keep_events_days, retention.with_old_events, retention.drop_events
        ),
        attempts=run.drop(
            settings.keep_attempts_days, retention.with_old_attempts, retention.drop_attempts
        ),
        predictions=run.drop_bytes(
            settings.keep_predictions_days,
            retention.with_old_predictions,
            retention.drop_predictions,
        ),
        keys=run.drop(settings.keep_idempotency_keys_days, retention.old_keys, retention.drop_keys),
        logs=drop_logs(settings, _cutoff(settings.keep_attempts_days)),
        results=run.drop_bytes(
            settings.keep_batch_predictions_days, retention.with_old_results, retention.drop_results
        ),
        traffic=run.drop(settings.keep_traffic_days, retention.old_days, retention.drop_days),
        tenants=run.drop(
            settings.keep_tenants_days, scheduling.idle_tenants, scheduling.forget_tenants
        ),
    )


@dataclass(frozen=True)
class _RetentionRun:
    context: Context
    stop: threading.Event

    def drop(
        self,
        days: float,
        find: Callable[[Session, datetime], list[Any]],
        drop: Callable[[Session, list[Any], datetime], int],
    ) -> int:
        dropped = 0
        before = _cutoff(days)
        for batch in self._batches(before, find):
            with self.context.sessions.begin() as session:
                dropped += drop(session, batch, before)
        return dropped

    def drop_bytes(
        self,
        days: float,
        find: Callable[[Session, datetime], list[str]],
        drop: Callable[[Session, list[str], datetime], list[str]],
    ) -> int:
        dropped = 0
        for batch in self._batches(_cutoff(days), find):
            with self.context.sessions.begin() as session:
                digests = drop(session, batch, now())
            # After the commit: bytes without a row mean nothing, a row without its bytes does.
            for digest in digests:
                drop_unused(self.context, digest)
            dropped += len(digests)
        return dropped

    def _batches(
        self, before: datetime, find: Callable[[Session, datetime], list[Any]]
    ) -> Iterator[list[Any]]:
        with self.context.readers() as session:
            found = find(session, before)
        for start in range(0, len(found), _ROWS_PER_TRANSACTION):
            if self.stop.wait(_PAUSE_SECONDS):
                return
            yield found[start : start + _ROWS_PER_TRANSACTION]


def _cutoff(days: float) -> datetime:
    """What ended before this moment is not kept any more; for 0 days nothing ever did."""
    return now() - timedelta(days=days) if days else _EPOCH
