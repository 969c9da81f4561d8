"""What a worker works with: settings, database, engine, and slots with their resources."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from app.domain.errors.service import EngineUnfit
from app.engines.contract import Engine
from app.engines.local import LocalEngine
from app.engines.ray import RayEngine, RayNeeds
from app.services.context import Context
from app.settings import Settings
from app.worker.job_kinds import KINDS, JobKind

_GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class WorkerContext:
    """The service's settings, artifacts and database, the engine, and the kinds of jobs to do.

    `stop` is set when the worker should end.
    """

    service: Context
    engine: Engine
    stop: threading.Event
    kinds: tuple[JobKind, ...] = KINDS

    @property
    def settings(self) -> Settings:
        """The service's."""
        return self.service.settings


@dataclass(frozen=True)
class Slot:
    """Room for one job; `environment` keeps its child to the slot's share of the machine."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)


def slots(settings: Settings) -> list[Slot]:
    """`gpu_slots` for each GPU that this process may use; without a GPU, `cpu_slots`.

    With Ray, `ray_slots`: there it is Ray that says what a transfer may use.
    """
    if settings.engine == "ray":
        return [Slot(f"ray-{n}") for n in range(settings.ray_slots)]
    gpus = _visible_gpus()
    if gpus:
        return [
            Slot(f"gpu-{gpu}", {"CUDA_VISIBLE_DEVICES": gpu})
            for gpu in gpus
            for _ in range(settings.gpu_slots)
        ]
    return [Slot(f"cpu-{n}", _threads(settings.cpu_slots)) for n in range(settings.cpu_slots)]


def _visible_gpus() -> list[str]:
    """As CUDA counts them, found without torch, which a worker that waits does not load."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [
            gpu for gpu in (part.strip() for part in chosen.split(",")) if gpu not in ("", "-1")
        ]
    return [str(n) for n in range(len(list(_GPUS.glob("*"))))]


def _threads(slots: int) -> dict[str, str]:
    """Several children that all took every core would wait for each other's threads."""
    if slots == 1 or "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // slots))}


def engine_for(settings: Settings) -> Engine:
    """Children of this process, or tasks of a Ray cluster; raises `EngineUnfit`."""
    if settings.engine == "local":
        return LocalEngine()
    if find_spec("ray") is None:
        raise EngineUnfit(
            "Ray is not installed here.",
            "Install the extra: pip install 'babelport-server[ray]', here and on Ray's machines.",
        )
    if not settings.data_dir.is_absolute():
        raise EngineUnfit(
            f"Other machines cannot know which folder {settings.data_dir} means.",
            "Set BABELPORT_DATA_DIR to a full path: of a folder on each machine where "
            "BABELPORT_ARTIFACTS_URL names a bucket, else of a folder that all machines share.",
        )
    return RayEngine(
        RayNeeds(settings.ray_address, settings.ray_cpus, settings.ray_gpus, settings.ray_workers)
    )
