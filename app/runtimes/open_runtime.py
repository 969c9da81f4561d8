"""Opens the runtime of a model: the graph that was compiled of it, or else its own file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.archive import open_folder
from app.artifacts.contract import Artifacts
from app.domain.models import Compiled, Servable
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
        return _open_graph(_folder(settings, artifacts, compiled.sha256), compiled)
    from app.learn.devices import best_device
    from app.runtimes.torch_runtime import TorchRuntime

    folder = _folder(settings, artifacts, servable.sha256)
    network = format_named(servable.facts.format).load(folder, servable.facts)
    precision = compiled.precision if compiled else "float32"
    return TorchRuntime(network.to(best_device()), precision)


def _open_graph(folder: Path, compiled: Compiled) -> Runtime:
    if compiled.engine == "openvino":
        from app.runtimes.onnx.openvino_engine import open_openvino

        return open_openvino(folder, compiled.precision)
    from app.runtimes.onnx.onnxruntime_engine import open_onnx

    return open_onnx(folder)


def _allowed(settings: Settings, servable: Servable) -> Compiled | None:
    """What was chosen, or else what the same graph also allows; None for the network itself."""
    candidates = [servable.compiled] if servable.compiled else []
    if candidates and candidates[0].engine == "openvino":
        # It computes in less precision with a graph that passed its own check in float32.
        candidates.append(Compiled("onnxruntime", "float32", candidates[0].sha256))
    return next((one for one in candidates if _may_serve(settings, one)), None)


def _may_serve(settings: Settings, compiled: Compiled) -> bool:
    if compiled.engine == "openvino":
        from app.runtimes.onnx.openvino_engine import is_openvino_installed

        if not is_openvino_installed():
            return False
    engines, precisions = ("auto", compiled.engine), ("auto", compiled.precision)
    return settings.serving_engine in engines and settings.serving_precision in precisions


def _folder(settings: Settings, artifacts: Artifacts, digest: str) -> Path:
    return open_folder(artifacts, digest, settings.max_unpacked_bytes, settings.max_archive_members)
