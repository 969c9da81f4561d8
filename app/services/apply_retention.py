"""The use case that drops what is older than the settings keep it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.identity import now
from app.services.artifact_lifetime import drop_unused
from app.services.attempt_logs import drop_logs
from app.services.context import Context
from app.store import retention, traffic_retention, turns

# So few at once that a write lock on SQLite is held for milliseconds; others get in between.
_AT_ONCE = 50
_REST_SECONDS = 0.01
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Dropped:
    """How many of each were dropped."""

    events: int
    attempts: int
    predictions: int
    keys: int
    logs: int
    results: int = 0
    traffic: int = 0
    tenants: int = 0


def apply_retention(context: Context, stop: threading.Event | None = None) -> Dropped:
    """Drop what the settings `keep_..._days` do not keep, a few rows in each transaction.

    What is 0 there is kept for ever. Once `stop` is set it ends early; the next call goes on.
    """
    kept, work = context.settings, _Work(context, stop or threading.Event())
    return Dropped(
        events=work.drop(kept.keep_events_days, retention.with_old_events, retention.drop_events),
        attempts=work.drop(
            kept.keep_attempts_days, retention.with_old_attempts, retention.drop_attempts
        ),
        predictions=work.drop_bytes(
            kept.keep_predictions_days, retention.with_old_predictions, retention.drop_predictions
        ),
        keys=work.drop(kept.keep_idempotency_keys_days, retention.old_keys, retention.drop_keys),
        logs=drop_logs(kept, _before(kept.keep_attempts_days)),
        results=work.drop_bytes(
            kept.keep_batch_predictions_days, retention.with_old_results, retention.drop_results
        ),
        traffic=work.drop(
            kept.keep_traffic_days, traffic_retention.old_days, traffic_retention.drop_days
        ),
        tenants=work.drop(kept.keep_tenants_days, turns.idle_tenants, turns.forget_tenants),
    )


@dataclass(frozen=True)
class _Work:
    context: Context
    stop: threading.Event

    def drop(
        self,
        days: float,
        find: Callable[[Session, datetime], list[Any]],
        drop: Callable[[Session, list[Any], datetime], int],
    ) -> int:
        dropped = 0
        before = _before(days)
        for few in self._batches(before, find):
            with self.context.sessions.begin() as session:
                dropped += drop(session, few, before)
        return dropped

    def drop_bytes(
        self,
        days: float,
        find: Callable[[Session, datetime], list[str]],
        drop: Callable[[Session, list[str], datetime], list[str]],
    ) -> int:
        dropped = 0
        for few in self._batches(_before(days), find):
            with self.context.sessions.begin() as session:
                digests = drop(session, few, now())
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
        for start in range(0, len(found), _AT_ONCE):
            if self.stop.wait(_REST_SECONDS):
                return
            yield found[start : start + _AT_ONCE]


def _before(days: float) -> datetime:
    """What ended before this moment is not kept any more; for 0 days nothing ever did."""
    return now() - timedelta(days=days) if days else _EVER
