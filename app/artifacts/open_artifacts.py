"""The artifact store that the settings name."""

from __future__ import annotations

from app.artifacts.contract import Artifacts
from app.artifacts.disk import DiskArtifacts
from app.settings import Settings


def open_artifacts(settings: Settings) -> Artifacts:
    """A folder below `data_dir`."""
    return DiskArtifacts(settings.data_dir / "artifacts")
