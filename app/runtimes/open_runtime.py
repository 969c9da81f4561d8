"""Opening the runtime of a model: what was compiled of it, or else its own file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.contract import Artifacts
from app.artifacts.folders import open_folder
from app.domain.serving import Compiled, Servable
from app.formats.catalog import format_named
from app.settings import Settings

if TYPE_CHECKING:
    from app.runtimes.contract import Runtime


def open_runtime(settings: Settings, artifacts: Artifacts, servable: Servable) -> Runtime:
    """Load a model into this process; raises what reading its artifact raises.

    What was compiled is used as far as the settings allow its engine and its precision; torch is
    loaded only where it is the engine.
    """
    compiled = _allowed(settings, servable)
    if compiled is not None and compiled.sha256 is not None:
        from app.runtimes.onnx.open_onnx import open_onnx

        return open_onnx(_folder(settings, artifacts, compiled.sha256))
    from app.learn.devices import best_device
    from app.runtimes.torch_runtime import TorchRuntime

    folder = _folder(settings, artifacts, servable.sha256)
    network = format_named(servable.facts.format).load(folder, servable.facts)
    precision = compiled.precision if compiled else "float32"
    return TorchRuntime(network.to(best_device()), precision)


def _allowed(settings: Settings, servable: Servable) -> Compiled | None:
    compiled = servable.compiled
    if compiled is None or settings.serving_engine not in ("auto", compiled.engine):
        return None
    return compiled if settings.serving_precision in ("auto", compiled.precision) else None


def _folder(settings: Settings, artifacts: Artifacts, digest: str) -> Path:
    return open_folder(artifacts, digest, settings.max_unpacked_bytes, settings.max_archive_members)
