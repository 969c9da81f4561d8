"""An artifact store on one disk: `sha256/ab/abcd...`, and unpacked copies for reading."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from app.artifacts.contract import SharedFiles, Stored
from app.artifacts.second_name import give_second_name
from app.artifacts.to_disk import to_disk
from app.artifacts.unpacked_copies import UnpackedCopies
from app.artifacts.verified_files import VerifiedFiles, digest_of
from app.artifacts.workspaces import sweep, workspace
from app.domain.errors.storage import ArtifactCorrupted, ArtifactMissing


class DiskArtifacts:
    """Artifacts below `root`, which machines may share by a network file system.

    A reader sees the whole file or none. Temporary files lie in `root/tmp`, on the same disk,
    and are gone with their workspace, or by `sweep` when its owner was killed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.shared: SharedFiles | None = None
        self._verified = VerifiedFiles()
        self._copies = UnpackedCopies(root / "unpacked", self.temporary, self._verified)

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder on the store's own disk, gone at the end."""
        return workspace(self.temporary)

    def sweep(self) -> None:
        """Delete what killed processes left in workspaces, and copies of what was removed."""
        sweep(self.temporary)
        for digest in self._copies.digests():
            if not self.exists(digest):
                self._copies.remove(digest)

    def publish(self, file: Path) -> str:
        """Give a finished file its second name, in the store, by rename; returns its digest."""
        digest = digest_of(file)
        self.adopt(file, digest)
        return digest

    def adopt(self, file: Path, digest: str) -> None:
        """The same for a file whose digest is known to be this."""
        target = self.place(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.workspace() as folder:
            give_second_name(file, folder / digest)
            to_disk(folder / digest)
            # The age of an artifact counts from its publication, not from its writing.
            os.utime(folder / digest)
            os.replace(folder / digest, target)
        self._verified.trust(target, digest)
        to_disk(target.parent)

    def path(self, digest: str) -> Path:
        """The artifact's file, verified once in each process."""
        file = self.place(digest)
        try:
            if self._verified.holds(file, digest):
                return file
        except FileNotFoundError:
            raise ArtifactMissing(digest) from None
        raise ArtifactCorrupted(digest, str(file))

    def place(self, digest: str) -> Path:
        """Where the artifact with this digest lies, or would lie; nothing is verified."""
        return self.root / "sha256" / digest[:2] / digest

    def unpacked_place(self, digest: str) -> Path:
        """Where its unpacked copy lies, or would lie; nothing is verified."""
        return self._copies.path(digest)

    def list_place(self, digest: str) -> Path:
        """Where the list of that copy's files lies, or would lie."""
        return self._copies.list_path(digest)

    def exists(self, digest: str) -> bool:
        """Whether the artifact is here."""
        return self.place(digest).is_file()

    def remove(self, digest: str) -> None:
        """Delete the artifact and its unpacked copy; one that is gone already is no error."""
        self.place(digest).unlink(missing_ok=True)
        self._copies.remove(digest)

    def set_aside(self, digest: str) -> Path | None:
        """Delete the artifact, and move its unpacked copy to the folder that is returned."""
        self.place(digest).unlink(missing_ok=True)
        return self._copies.set_aside(digest)

    def stored(self) -> Iterator[Stored]:
        """Every artifact in the store; one that goes meanwhile is left out."""
        now = time.time()
        for file in (self.root / "sha256").glob("*/*"):
            try:
                yield Stored(file.name, now - file.stat().st_mtime)
            except FileNotFoundError:
                continue

    def held(self) -> set[str]:
        """The digests of all files and unpacked copies here."""
        return {one.digest for one in self.stored()} | set(self._copies.digests())

    def unpacked(self, digest: str) -> Path | None:
        """The unpacked copy, verified once in each process; None where there is none."""
        return self._copies.get(digest)

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
        return self._copies.adopt(folder, digest)
