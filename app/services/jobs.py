"""What attempts of every kind of job share: how they end, their checkpoints and logs.

Each attempt has a checkpoint folder of its own, here and in the bucket, named by its number,
which is the job's fencing token. It begins with what earlier attempts left and writes nowhere
else, so that an attempt that lost its lease and does not know it yet can harm no later one.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.artifacts.contract import SharedFiles
from app.artifacts.disk import sha256_of
from app.artifacts.disk_space import is_disk_full
from app.domain.errors import BabelportError
from app.domain.errors.service import DiskFull, StoreUnreachable
from app.domain.errors.transfers import InternalFailure, LeaseLost, OutOfMemory
from app.domain.jobs import is_final
from app.learn.callbacks import Cancelled
from app.services.context import Context
from app.settings import Settings
from app.store import job_queue
from app.store.database import retry_on_disconnect

# torch raises a plain RuntimeError with one of these where the system gives no more memory.
_OUT_OF_MEMORY_MESSAGES = ("can't allocate memory", "not enough memory", "CUDA out of memory")
OnSaved = Callable[[Path], None]
_ALL_ATTEMPTS = 2**63
_log = logging.getLogger(__name__)
_SHARED_PREFIX = "checkpoints"


def carry_out(
    context: Context, job_id: str, attempt: int, max_attempts: int, work: Callable[[], None]
) -> None:
    """Do the `work` of one attempt, which records its success, and record its failure.

    What another attempt may overcome (memory ran out, the database or the disk went away) puts
    the job back into the queue, within bounds. A job that was cancelled, that should stop, or
    that another attempt holds by now, ends without a word: the worker records the first two, and
    the third is not ours.
    """
    try:
        work()
    except (Cancelled, LeaseLost):
        _log.info("attempt %s of %s ends: it was stopped, or lost its lease", attempt, job_id)
    except Exception as error:
        foreseen = isinstance(error, BabelportError)
        _log.warning("%s failed: %s", job_id, error, exc_info=not foreseen)
        _record_failure(context, job_id, attempt, max_attempts, error)


def _record_failure(
    context: Context, job_id: str, attempt: int, max_attempts: int, error: Exception
) -> None:
    failure = as_babelport_error(error).as_dict()

    def record(session: Session) -> None:
        if is_permanent(error):
            job_queue.fail(session, job_id, attempt, failure)
        else:
            job_queue.lose(session, job_id, attempt, failure, max_attempts)

    try:
        retry_on_disconnect(context.sessions, record, context.settings.database_patience_seconds)
    except LeaseLost:
        _log.info("%s is held by another attempt, or was deleted: nothing is recorded", job_id)


@contextmanager
def stop_on_sigterm() -> Iterator[threading.Event]:
    """SIGTERM sets the event during the block, instead of ending the process at once.

    Only the main thread can listen to signals; elsewhere nothing sets it.
    """
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGTERM, before)


def as_babelport_error(error: Exception) -> BabelportError:
    """The error by which the end is recorded."""
    if is_disk_full(error):
        return DiskFull()
    if isinstance(error, BabelportError):
        return error
    return OutOfMemory() if is_out_of_memory(error) else InternalFailure(error)


def is_permanent(error: Exception) -> bool:
    """Whether another attempt would end in the same way."""
    passing = isinstance(error, DBAPIError | OSError | StoreUnreachable)
    return not (passing or is_out_of_memory(error) or is_disk_full(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out, whichever library raised it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in _OUT_OF_MEMORY_MESSAGES
    )


def is_main_process() -> bool:
    """Whether this process is the one that reports and records; the others only help it train."""
    from app.learn.training.distributed import process_group_replicas

    return process_group_replicas().rank == 0


def checkpoint_folder(settings: Settings, job_id: str, attempt: int) -> Path:
    """The folder that this attempt of a job alone writes to; it need not exist."""
    return _checkpoints_root(settings) / job_id / str(attempt)


def open_checkpoint_folder(context: Context, job_id: str, attempt: int) -> tuple[Path, OnSaved]:
    """The attempt's folder, with the newest that earlier attempts kept on any machine.

    Whoever saves a file there gives it to the function beside it, which copies it to the bucket
    where there is one. Files in the folder must be replaced and never changed.
    """
    folder = checkpoint_folder(context.settings, job_id, attempt)
    inherited = _link_earlier_files(folder, attempt)
    if context.artifacts.shared is None:
        return folder, lambda _: None
    shared = SharedCheckpoints(context.artifacts.shared, job_id, attempt)
    shared.fetch(folder, inherited)
    return folder, shared.share


def drop_checkpoints(context: Context) -> None:
    """Delete what is kept of jobs that are over, or that nobody knows, here and shared.

    A job that is begun again meanwhile has a later attempt, whose state stays.
    """
    folders, shared = _checkpoints_root(context.settings), context.artifacts.shared
    with context.readers() as session:

        def last_attempt(job_id: str) -> int:
            """The last attempt of a job that is over; -1 for one that is not."""
            found = job_queue.last_attempt(session, job_id)
            if found is None:
                return _ALL_ATTEMPTS
            attempt, state = found
            return attempt if is_final(state) else -1

        if shared is not None:
            drop_shared_checkpoints(shared, last_attempt)
        for folder in folders.iterdir() if folders.is_dir() else ():
            _drop_attempts(folder, last_attempt(folder.name) + 1)
            _remove_if_empty(folder)


def _link_earlier_files(folder: Path, attempt: int) -> dict[str, int]:
    """Link into `folder` the newest file of each name of earlier attempts, which then go.

    Returns by name which attempt each file in the folder is from.
    """
    found: dict[str, int] = {}
    for number in sorted(_attempt_numbers(folder.parent)):
        if number <= attempt:
            kept = (folder.parent / str(number)).iterdir()
            found |= {file.name: number for file in kept if file.suffix != ".part"}
    for name, number in found.items():
        if number < attempt:
            _hardlink_or_copy(folder.parent / str(number) / name, folder / name)
    _drop_attempts(folder.parent, attempt)
    return found


def _hardlink_or_copy(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # not every file system has links
        shutil.copy2(old, new)


def _attempt_numbers(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [int(name) for name in names if name.isdecimal()]


def _drop_attempts(folder: Path, before: int) -> None:
    for number in _attempt_numbers(folder):
        if number < before:
            shutil.rmtree(folder / str(number), ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # something is kept in it


def _checkpoints_root(settings: Settings) -> Path:
    return settings.data_dir / "checkpoints"


class SharedCheckpoints:
    """The files of one attempt of a job, `checkpoints/<job>/<attempt>/<name>`.

    The attempt reads those of earlier attempts and writes its own. A bucket out of reach costs the
    copies, never the training.
    """

    def __init__(self, shared: SharedFiles, job_id: str, attempt: int) -> None:
        self._shared = shared
        self._folder = f"{_SHARED_PREFIX}/{job_id}"
        self._attempt = attempt
        self._earlier: dict[str, list[int]] = defaultdict(list)

    def fetch(self, folder: Path, present: Mapping[str, int]) -> None:
        """Copy into `folder` the newest file of each name that is newer than the one `present`.

        `present` says by name which attempt the files of the folder are from. A copy whose bytes
        are not those that were saved is left alone: that stage begins anew.
        """
        try:
            for name, attempts in self._found().items():
                newest = max(attempts)
                if newest > present.get(name, -1):
                    self._fetch(f"{self._folder}/{newest}/{name}", folder / name)
                self._earlier[name] = [n for n in attempts if n < self._attempt]
        except StoreUnreachable as error:
            _log.warning("%s resumes from what this machine has: %s", self._folder, error)

    def share(self, file: Path) -> None:
        """Copy a saved state there; those of earlier attempts under its name go."""
        try:
            self._shared.put(f"{self._folder}/{self._attempt}/{file.name}", file, sha256_of(file))
            for number in self._earlier.pop(file.name, []):
                self._shared.remove(f"{self._folder}/{number}/{file.name}")
        except StoreUnreachable as error:
            _log.warning("the state of %s stays on this machine: %s", self._folder, error)

    def _found(self) -> dict[str, list[int]]:
        """By name the attempts that kept such a file, up to this one."""
        found: dict[str, list[int]] = defaultdict(list)
        for key, _ in self._shared.keys(self._folder):
            number, name = key.split("/")[2:]
            if int(number) <= self._attempt:
                found[name].append(int(number))
        return found

    def _fetch(self, key: str, file: Path) -> None:
        saved = self._shared.written_sha256(key)
        if saved is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}.part")
        try:
            if self._shared.fetch(key, fresh) == saved:
                fresh.replace(file)
            else:
                _log.warning("%s is damaged or just replaced, and is not used", key)
        finally:
            fresh.unlink(missing_ok=True)


def drop_shared_checkpoints(shared: SharedFiles, last_attempt: Callable[[str], int]) -> None:
    """Delete what each job kept up to its `last_attempt`, by its id; -1 for one that goes on."""
    last: dict[str, int] = {}
    try:
        for key, _ in list(shared.keys(_SHARED_PREFIX)):
            job_id, number = key.split("/")[1:3]
            if job_id not in last:
                last[job_id] = last_attempt(job_id)
            if int(number) <= last[job_id]:
                shared.remove(key)
    except StoreUnreachable as error:
        _log.warning("checkpoints of finished jobs stay until the next time: %s", error)


def attempt_log(settings: Settings, label: str) -> Path:
    """The file of the attempt with this label; its folder need not exist."""
    return settings.data_dir / "logs" / f"{label}.log"


def drop_logs(settings: Settings, before: datetime) -> int:
    """Delete the files that nothing was written to since `before`; how many there were."""
    old = [
        file
        for file in attempt_log(settings, "any").parent.glob("*_*.log")
        if file.stat().st_mtime < before.timestamp()
    ]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
