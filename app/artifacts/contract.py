"""What every store of artifacts does, wherever it keeps the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """An artifact in a store, and the seconds since it was last published."""

    digest: str
    age_seconds: float


class Artifacts(Protocol):
    """Files by the SHA-256 of their bytes, in hex; what is read was verified by it.

    A store raises `ArtifactCorrupted` and `ArtifactMissing` instead of giving other bytes, and
    `DiskFull` and `StoreUnreachable` where it cannot work.
    """

    @property
    def temporary(self) -> Path:
        """Where workspaces lie: on the disk that finished files are published from."""

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

    def stored(self) -> Iterator[Stored]:
        """Every artifact in the store."""

    def unpacked(self, digest: str) -> Path | None:
        """The verified unpacked copy of an archive on this machine; None where there is none."""

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
