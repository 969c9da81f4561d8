"""What every store of artifacts does, wherever it keeps the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class StoredArtifact:
    """An artifact in a store, and the seconds since it was last published."""

    digest: str
    age_seconds: float


class SharedFiles(Protocol):
    """Files by name that every machine of an installation sees; the last writer wins."""

    def put(self, key: str, file: Path, sha256: str) -> None:
        """Copy a file there, whole or not at all."""

    def fetch(self, key: str, file: Path) -> str | None:
        """Copy it into an absent `file`; the SHA-256 of the copy, None where nothing is."""

    def written_sha256(self, key: str) -> str | None:
        """The SHA-256 that was given when it was put there; None where nothing is."""

    def remove(self, key: str) -> None:
        """Delete it; one that is gone already is no error."""

    def keys(self, folder: str) -> Iterator[tuple[str, float]]:
        """Every key below a folder, and the seconds since it was written."""


class Artifacts(Protocol):
    """Files by the SHA-256 of their bytes, in hex; what is read was verified by it.

    A store raises `ArtifactCorrupted` and `ArtifactMissing` instead of giving other bytes, and
    `DiskFull` and `StoreUnreachable` where it cannot work.
    """

    @property
    def temporary(self) -> Path:
        """Where workspaces lie: on the disk that finished files are published from."""

    @property
    def shared(self) -> SharedFiles | None:
        """What machines share beside artifacts; None where it is the data folder, or nothing."""

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder for work in progress, gone at the end."""

    def sweep(self) -> None:
        """Delete what processes that were killed left on this machine, and what it may forget."""

    def publish(self, file: Path) -> str:
        """Put a finished file of a workspace into the store, whole or not at all; its digest.

        The file stays where it is and must not be changed afterwards.
        """

    def path(self, digest: str) -> Path:
        """A file on this machine with exactly the artifact's bytes, to be read only."""

    def exists(self, digest: str) -> bool:
        """Whether the store has bytes under this digest, be they right or wrong."""

    def remove(self, digest: str) -> None:
        """Delete the artifact and its unpacked copy; one that is gone already is no error."""

    def set_aside(self, digest: str) -> Path | None:
        """Delete the artifact, and move its unpacked copy to the folder that is returned.

        That folder is the caller's to delete, which may take long.
        """

    def stored(self) -> Iterator[StoredArtifact]:
        """Every artifact in the store."""

    def unpacked(self, digest: str) -> Path | None:
        """The verified unpacked copy of an archive on this machine; None where there is none."""

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
