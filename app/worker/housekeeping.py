"""What a worker does beside its transfers: it drops what is older than it is kept."""

from __future__ import annotations

import logging
from dataclasses import replace

from app.services.apply_retention import apply_retention
from app.services.context import open_context
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 3600.0


def keep_house(place: Workplace) -> None:
    """Apply retention at once and then every hour, until the worker stops."""
    opened = open_context(place.settings)
    context = replace(opened, sessions=place.writing, readers=place.reading)
    while True:
        try:
            _log.info("retention: %s", apply_retention(context, place.stop))
        except Exception:
            _log.exception("retention is tried again in an hour")
        if place.stop.wait(_EVERY_SECONDS):
            return
