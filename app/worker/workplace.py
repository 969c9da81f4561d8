"""What a worker works with."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from app.engines.contract import Engine
from app.settings import Settings


@dataclass(frozen=True)
class Workplace:
    """Settings, database, engine and the event that asks the worker to stop.

    `target` is the callable that carries a transfer out (`package.module:function`), with
    `transfer_id` and `attempt` as its arguments; `reading` makes sessions that never block.
    """

    settings: Settings
    writing: sessionmaker[Session]
    reading: sessionmaker[Session]
    engine: Engine
    target: str
    stop: threading.Event
