"""Artifact stores of every kind for tests, and ways to hurt them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.artifacts.contract import Artifacts
from app.services.context import open_artifacts
from app.settings import Settings
from tests.support.s3_server import S3Server


@dataclass(frozen=True)
class Place:
    """One store: how this machine opens it, how another does, and where its bytes lie."""

    settings: Settings
    settings_elsewhere: Settings
    files_of: Callable[[str], list[Path]]

    def open(self) -> Artifacts:
        """The store as a fresh process of this machine sees it."""
        return open_artifacts(self.settings)

    def open_elsewhere(self) -> Artifacts:
        """The store as another machine sees it."""
        return open_artifacts(self.settings_elsewhere)

    @property
    def environment(self) -> dict[str, str]:
        """What a process on this machine needs to open the same store."""
        return {
            "BABELPORT_DATA_DIR": str(self.settings.data_dir),
            "BABELPORT_ARTIFACTS_URL": self.settings.artifacts_url,
            "BABELPORT_ARTIFACTS_ENDPOINT": self.settings.artifacts_endpoint,
        }

    def damage(self, digest: str, content: bytes) -> None:
        """Write other bytes of the same length wherever the artifact lies."""
        for file in self.files_of(digest):
            file.write_bytes(content)


def _on_disk(_: pytest.FixtureRequest, folder: Path) -> Place:
    """One disk, which machines share."""
    settings = Settings(data_dir=folder / "var")
    root = folder / "var" / "artifacts" / "sha256"
    return Place(settings, settings, lambda digest: [root / digest[:2] / digest])


def _on_s3(request: pytest.FixtureRequest, folder: Path) -> Place:
    """A bucket, and two machines with a cache each."""
    server: S3Server = request.getfixturevalue("s3")
    at = {"artifacts_url": server.url, "artifacts_endpoint": server.endpoint}
    machines = [Settings(data_dir=folder / name, **at) for name in ("var", "elsewhere")]

    def files_of(digest: str) -> list[Path]:
        cached = [m.data_dir / "artifacts" / "sha256" / digest[:2] / digest for m in machines]
        return [server.folder / "sha256" / digest, *(file for file in cached if file.exists())]

    return Place(*machines, files_of)


STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Place]] = {
    "disk": _on_disk,
    "s3": _on_s3,
}
