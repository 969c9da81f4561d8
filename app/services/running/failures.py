"""What became of a job that ended by an exception: what it is called, and whether it is final."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from app.artifacts.room import is_disk_full
from app.domain.errors import BabelportError
from app.domain.errors.running import InternalFailure, OutOfMemory
from app.domain.errors.storage import DiskFull, StoreUnreachable
from app.services.running.memory import is_out_of_memory


def understood(error: Exception) -> BabelportError:
    """The error by which the end is recorded."""
    if is_disk_full(error):
        return DiskFull()
    if isinstance(error, BabelportError):
        return error
    return OutOfMemory() if is_out_of_memory(error) else InternalFailure(error)


def is_for_good(error: Exception) -> bool:
    """Whether another attempt would end in the same way."""
    passing = isinstance(error, DBAPIError | OSError | StoreUnreachable)
    return not (passing or is_out_of_memory(error) or is_disk_full(error))
