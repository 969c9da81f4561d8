"""The checkpoints of one attempt: on this machine, and where all machines see them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.learn.checkpoint_folder import CheckpointFolder
from app.services.checkpoint_folders import checkpoint_folder
from app.services.context import Context
from app.services.shared_checkpoints import fetch_checkpoints, share_checkpoint


def open_checkpoints(
    context: Context, transfer_id: str, stopping: Callable[[], bool]
) -> CheckpointFolder:
    """What earlier attempts kept, on whichever machine; saved at once where `stopping` says so."""
    folder, shared = checkpoint_folder(context.settings, transfer_id), context.artifacts.shared
    pause = context.settings.checkpoint_seconds
    if shared is None:
        return CheckpointFolder(folder, pause, stopping)
    fetch_checkpoints(shared, transfer_id, folder)
    share = partial(share_checkpoint, shared, transfer_id)
    return CheckpointFolder(folder, pause, stopping, share)
