"""What a worker does beside its transfers: it drops what is not kept any more."""

from __future__ import annotations

import logging

from app.services.apply_retention import apply_retention
from app.services.collect_artifacts import collect_artifacts
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 3600.0


def keep_house(place: Workplace) -> None:
    """Apply retention and collect artifacts at once and then every hour, until the worker stops."""
    context = place.context
    while True:
        try:
            _log.info("retention: %s", apply_retention(context, place.stop))
            found = collect_artifacts(context, context.settings.collect_after_seconds)
            _log.info("deleted %s artifacts that no record needs", len(found))
        except Exception:
            _log.exception("retention and collection are tried again in an hour")
        if place.stop.wait(_EVERY_SECONDS):
            return
