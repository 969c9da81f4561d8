"""Where transfers and batch predictions keep their state from one attempt to the next."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.domain.lesser_jobs import is_over
from app.domain.transfer_states import is_final
from app.services.context import Context
from app.services.shared_checkpoints import drop_shared_checkpoints
from app.settings import Settings
from app.store import batch_predictions, transfers


def checkpoint_folder(settings: Settings, job_id: str) -> Path:
    """The folder of this job, the same for all of its attempts; it need not exist."""
    return _folders(settings) / job_id


def drop_checkpoints(context: Context) -> None:
    """Delete what is kept of jobs that are over, or that nobody knows, here and shared."""
    folders, shared = _folders(context.settings), context.artifacts.shared
    with context.readers() as session:

        def is_over_by_now(job_id: str) -> bool:
            if transfer := transfers.get(session, job_id):
                return is_final(transfer.state)
            batch = batch_predictions.get(session, job_id)
            return batch is None or is_over(batch.state)

        if shared is not None:
            drop_shared_checkpoints(shared, is_over_by_now)
        for folder in folders.iterdir() if folders.is_dir() else ():
            if is_over_by_now(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def _folders(settings: Settings) -> Path:
    return settings.data_dir / "checkpoints"
