"""What a worker works with."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from app.engines.contract import Engine
from app.services.context import Context


@dataclass(frozen=True)
class Workplace:
    """Settings, artifacts and database, engine, and the event that asks the worker to stop.

    `target` is the callable that carries a transfer out (`package.module:function`), with
    `transfer_id` and `attempt` as its arguments.
    """

    context: Context
    engine: Engine
    target: str
    stop: threading.Event
