"""The checkpoints of one attempt: on this machine, and where all machines see them."""

from __future__ import annotations

from collections.abc import Callable

from app.learn.checkpoint_folder import CheckpointFolder
from app.services.checkpoint_folders import open_checkpoint_folder
from app.services.context import Context


def open_checkpoints(
    context: Context, transfer_id: str, attempt: int, stopping: Callable[[], bool]
) -> CheckpointFolder:
    """What earlier attempts kept, on whichever machine; saved at once where `stopping` says so.

    What is saved goes into the folder of `attempt`, the fencing token of who holds the transfer.
    """
    folder, saved = open_checkpoint_folder(context, transfer_id, attempt)
    return CheckpointFolder(folder, context.settings.checkpoint_seconds, stopping, saved)
