"""An artifact store on one disk: `sha256/ab/abcd...`, and unpacked copies for reading."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from app.artifacts.workspaces import sweep, workspace


class DiskArtifacts:
    """Files by the SHA-256 of their bytes, below `root`.

    `publish` is atomic: a reader sees the whole file or none. Temporary files lie in `root/tmp`,
    on the same disk, and are gone with their workspace, or by `sweep` when its owner was killed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder on the store's own disk, gone at the end."""
        return workspace(self.temporary)

    def sweep(self) -> None:
        """Delete what processes that were killed left in their workspaces."""
        sweep(self.temporary)

    def publish(self, file: Path) -> str:
        """Move a finished file into the store; returns its SHA-256 in hex."""
        with file.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            os.fsync(handle.fileno())
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
        _sync_folder(target.parent)
        return digest

    def path(self, digest: str) -> Path:
        """Where the artifact with this digest lies, or would lie."""
        return self.root / "sha256" / digest[:2] / digest

    def exists(self, digest: str) -> bool:
        """Whether the artifact is here."""
        return self.path(digest).is_file()

    def remove(self, digest: str) -> None:
        """Delete the artifact and its unpacked copy; one that is gone already is no error."""
        self.path(digest).unlink(missing_ok=True)
        shutil.rmtree(self.unpacked_path(digest), ignore_errors=True)

    def unpacked_path(self, digest: str) -> Path:
        """Where an archive's unpacked copy lies, or would lie."""
        return self.root / "unpacked" / digest

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
        target = self.unpacked_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(folder, target)
        except OSError:
            if not target.is_dir():
                raise
        return target


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
