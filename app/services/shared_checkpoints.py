"""What training keeps, where every machine finds it: in the bucket beside the artifacts."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from app.artifacts.contract import SharedFiles
from app.artifacts.verified_files import digest_of
from app.domain.errors.storage import StoreUnreachable

_log = logging.getLogger(__name__)
_FOLDER = "checkpoints"


def share_checkpoint(shared: SharedFiles, transfer_id: str, file: Path) -> None:
    """Copy a saved state there; a store out of reach costs the copy, never the training."""
    try:
        shared.put(f"{_FOLDER}/{transfer_id}/{file.name}", file, digest_of(file))
    except StoreUnreachable as error:
        _log.warning("the state of %s stays on this machine: %s", transfer_id, error)


def fetch_checkpoints(shared: SharedFiles, transfer_id: str, folder: Path) -> None:
    """Copy into `folder` what other machines saved there and this one has not, or has older.

    A copy whose bytes are not those that were saved is left alone: that stage begins anew.
    """
    try:
        for key, age in shared.keys(f"{_FOLDER}/{transfer_id}"):
            file = folder / key.rpartition("/")[2]
            if not (file.exists() and time.time() - file.stat().st_mtime < age):
                _fetch(shared, key, file)
    except StoreUnreachable as error:
        _log.warning("%s goes on from what this machine has: %s", transfer_id, error)


def drop_shared_checkpoints(shared: SharedFiles, is_over: Callable[[str], bool]) -> None:
    """Delete what is kept of transfers that are over, by their ids."""
    over: dict[str, bool] = {}
    try:
        for key, _ in list(shared.keys(_FOLDER)):
            transfer_id = key.split("/")[1]
            if transfer_id not in over:
                over[transfer_id] = is_over(transfer_id)
            if over[transfer_id]:
                shared.remove(key)
    except StoreUnreachable as error:
        _log.warning("checkpoints of finished transfers stay until the next time: %s", error)


def _fetch(shared: SharedFiles, key: str, file: Path) -> None:
    saved = shared.written_sha256(key)
    if saved is None or (file.exists() and digest_of(file) == saved):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}.fetched")
    try:
        if shared.fetch(key, fresh) == saved:
            fresh.replace(file)
        else:
            _log.warning("%s is damaged or just replaced, and is not used", key)
    finally:
        fresh.unlink(missing_ok=True)
