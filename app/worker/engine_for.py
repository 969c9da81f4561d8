"""The engine that the settings ask for."""

from __future__ import annotations

from importlib.util import find_spec

from app.domain.errors.engines import EngineUnfit
from app.engines.contract import Engine
from app.engines.local import LocalEngine
from app.engines.ray import RayEngine, RayNeeds
from app.settings import Settings


def engine_for(settings: Settings) -> Engine:
    """Children of this process, or tasks of a Ray cluster; raises `EngineUnfit`."""
    if settings.engine == "local":
        return LocalEngine()
    if find_spec("ray") is None:
        raise EngineUnfit(
            "Ray is not installed here.",
            "Install the extra: pip install 'babelport[ray]', here and on Ray's machines.",
        )
    if not settings.data_dir.is_absolute():
        raise EngineUnfit(
            f"Other machines cannot know which folder {settings.data_dir} means.",
            "Set BABELPORT_DATA_DIR to the full path of a folder that all machines share.",
        )
    return RayEngine(
        RayNeeds(settings.ray_address, settings.ray_cpus, settings.ray_gpus, settings.ray_workers)
    )
