"""What a worker works with."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from app.engines.contract import Engine
from app.services.context import Context
from app.worker.lesser_kinds import LesserKind


@dataclass(frozen=True)
class Workplace:
    """Settings, artifacts and database, engine, and the event that asks the worker to stop.

    `target` is the callable that carries a transfer out (`package.module:function`), with
    `transfer_id` and `attempt` as its arguments; `lesser_kinds` are what is done when none waits.
    """

    context: Context
    engine: Engine
    target: str
    stop: threading.Event
    lesser_kinds: tuple[LesserKind, ...] = ()
