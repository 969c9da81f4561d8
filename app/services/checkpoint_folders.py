"""Where each transfer's training keeps its state from one attempt to the next."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain.transfer_states import is_final
from app.settings import Settings
from app.store import transfers


def checkpoint_folder(settings: Settings, transfer_id: str) -> Path:
    """The folder of this transfer, the same for all of its attempts; it need not exist."""
    return _folders(settings) / transfer_id


def drop_checkpoints(settings: Settings, session: Session) -> None:
    """Delete the folders of transfers that are over, or that nobody knows."""
    if not _folders(settings).is_dir():
        return
    for folder in _folders(settings).iterdir():
        transfer = transfers.get(session, folder.name)
        if transfer is None or is_final(transfer.state):
            shutil.rmtree(folder, ignore_errors=True)


def _folders(settings: Settings) -> Path:
    return settings.data_dir / "checkpoints"
