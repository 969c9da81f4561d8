"""Opening the runtime of a model: what was compiled of it, or else its own file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.contract import Artifacts
from app.artifacts.folders import open_folder
from app.domain.serving import Servable
from app.formats.catalog import format_named
from app.settings import Settings

if TYPE_CHECKING:
    from app.runtimes.contract import Runtime


def open_runtime(settings: Settings, artifacts: Artifacts, servable: Servable) -> Runtime:
    """Load a model into this process; raises what reading its artifact raises."""
    from app.learn.devices import best_device
    from app.runtimes.torch_runtime import TorchRuntime

    folder = _folder(settings, artifacts, servable.sha256)
    network = format_named(servable.facts.format).load(folder, servable.facts)
    return TorchRuntime(network.to(best_device()))


def _folder(settings: Settings, artifacts: Artifacts, digest: str) -> Path:
    return open_folder(artifacts, digest, settings.max_unpacked_bytes, settings.max_archive_members)
