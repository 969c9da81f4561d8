"""Where transfers and batch predictions keep their state from one attempt to the next.

Each attempt has a folder of its own, here and in the bucket, named by its number, which is the
job's fencing token. It begins with what earlier attempts left and writes nowhere else, so that an
attempt that lost its lease and does not know it yet can harm no later one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from app.domain.lesser_jobs import is_over
from app.domain.transfer_states import is_final
from app.services.context import Context
from app.services.shared_checkpoints import SharedCheckpoints, drop_shared_checkpoints
from app.settings import Settings
from app.store import batch_predictions, transfers

Saved = Callable[[Path], None]
_EVERY_ATTEMPT = 2**63


def checkpoint_folder(settings: Settings, job_id: str, attempt: int) -> Path:
    """The folder that this attempt of a job alone writes to; it need not exist."""
    return _folders(settings) / job_id / str(attempt)


def open_checkpoint_folder(context: Context, job_id: str, attempt: int) -> tuple[Path, Saved]:
    """The attempt's folder, with the newest that earlier attempts kept on any machine.

    Whoever saves a file there gives it to the function beside it, which copies it to the bucket
    where there is one. Files in the folder must be replaced and never changed.
    """
    folder = checkpoint_folder(context.settings, job_id, attempt)
    inherited = _inherit(folder, attempt)
    if context.artifacts.shared is None:
        return folder, lambda _: None
    shared = SharedCheckpoints(context.artifacts.shared, job_id, attempt)
    shared.fetch(folder, inherited)
    return folder, shared.share


def drop_checkpoints(context: Context) -> None:
    """Delete what is kept of jobs that are over, or that nobody knows, here and shared.

    A job that is begun again meanwhile has a later attempt, whose state stays.
    """
    folders, shared = _folders(context.settings), context.artifacts.shared
    with context.readers() as session:

        def last_attempt(job_id: str) -> int:
            """The last attempt of a job that is over; -1 for one that is not."""
            if transfer := transfers.get(session, job_id):
                return transfer.attempt if is_final(transfer.state) else -1
            batch = batch_predictions.get(session, job_id)
            if batch is None:
                return _EVERY_ATTEMPT
            return batch.attempt if is_over(batch.state) else -1

        if shared is not None:
            drop_shared_checkpoints(shared, last_attempt)
        for folder in folders.iterdir() if folders.is_dir() else ():
            _drop_attempts(folder, last_attempt(folder.name) + 1)
            _remove_if_empty(folder)


def _inherit(folder: Path, attempt: int) -> dict[str, int]:
    """Link into `folder` the newest file of each name of earlier attempts, which then go.

    Returns by name which attempt each file in the folder is from.
    """
    found: dict[str, int] = {}
    for number in sorted(_attempts(folder.parent)):
        if number <= attempt:
            kept = (folder.parent / str(number)).iterdir()
            found |= {file.name: number for file in kept if file.suffix != ".part"}
    for name, number in found.items():
        if number < attempt:
            _link(folder.parent / str(number) / name, folder / name)
    _drop_attempts(folder.parent, attempt)
    return found


def _link(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # not every file system has links
        shutil.copy2(old, new)


def _attempts(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [int(name) for name in names if name.isdecimal()]


def _drop_attempts(folder: Path, before: int) -> None:
    for number in _attempts(folder):
        if number < before:
            shutil.rmtree(folder / str(number), ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # something is kept in it


def _folders(settings: Settings) -> Path:
    return settings.data_dir / "checkpoints"
