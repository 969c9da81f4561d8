"""Carrying a transaction through a time in which the database does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.storage import BytesDropped

T = TypeVar("T")
_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


def patiently(
    sessions: sessionmaker[Session], transaction: Callable[[Session], T], seconds: float
) -> T:
    """Run and commit `transaction`, again and again while the connection is lost.

    After `seconds` the error itself is raised: the driver's, or `BytesDropped`. A connection lost
    in the middle of a commit leaves open whether it was done: `transaction` must be one that a
    second run refuses, as every write under a lease does.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            with sessions.begin() as session:
                return transaction(session)
        except BytesDropped:
            if time.monotonic() > deadline:
                raise
            continue  # they are written anew at once
        except (DBAPIError, PoolTimeout) as error:
            if not is_transient(error) or time.monotonic() > deadline:
                raise
            _log.warning("the database does not answer: %s", type(error).__name__)
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed later, since the database had no ear for it now.

    False for what the database refuses: a value that it cannot hold, a row that is gone.
    """
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and is_connection_lost(error)


def is_connection_lost(error: DBAPIError) -> bool:
    """Whether the database could not be reached, or went away; the same may work later."""
    if error.connection_invalidated:
        return True
    # What a server says that starts or stops, and SQLite's "database is locked".
    return isinstance(error, OperationalError | InterfaceError)
