"""Where each transfer's training keeps its state from one attempt to the next."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.domain.transfer_states import is_final
from app.services.context import Context
from app.services.shared_checkpoints import drop_shared_checkpoints
from app.settings import Settings
from app.store import transfers


def checkpoint_folder(settings: Settings, transfer_id: str) -> Path:
    """The folder of this transfer, the same for all of its attempts; it need not exist."""
    return _folders(settings) / transfer_id


def drop_checkpoints(context: Context) -> None:
    """Delete what is kept of transfers that are over, or that nobody knows, here and shared."""
    folders, shared = _folders(context.settings), context.artifacts.shared
    with context.readers() as session:

        def is_over(transfer_id: str) -> bool:
            transfer = transfers.get(session, transfer_id)
            return transfer is None or is_final(transfer.state)

        if shared is not None:
            drop_shared_checkpoints(shared, is_over)
        for folder in folders.iterdir() if folders.is_dir() else ():
            if is_over(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def _folders(settings: Settings) -> Path:
    return settings.data_dir / "checkpoints"
