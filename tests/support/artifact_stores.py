"""Artifact stores of every kind for tests, and ways to hurt them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.artifacts.contract import Artifacts
from app.artifacts.open_artifacts import open_artifacts
from app.settings import Settings


@dataclass(frozen=True)
class Place:
    """One store: how this machine opens it, how another does, and where its bytes lie."""

    settings: Settings
    settings_elsewhere: Settings
    file_of: Callable[[str], Path]

    def open(self) -> Artifacts:
        """The store as a fresh process of this machine sees it."""
        return open_artifacts(self.settings)

    def open_elsewhere(self) -> Artifacts:
        """The store as another machine sees it."""
        return open_artifacts(self.settings_elsewhere)

    @property
    def environment(self) -> dict[str, str]:
        """What a process on this machine needs to open the same store."""
        return {"BABELPORT_DATA_DIR": str(self.settings.data_dir)}

    def damage(self, digest: str, content: bytes) -> None:
        """Write other bytes where the artifact lies."""
        self.file_of(digest).write_bytes(content)


def _on_disk(_: pytest.FixtureRequest, folder: Path) -> Place:
    """One disk, which machines share."""
    settings = Settings(data_dir=folder / "var")
    root = folder / "var" / "artifacts" / "sha256"
    return Place(settings, settings, lambda digest: root / digest[:2] / digest)


STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Place]] = {"disk": _on_disk}
