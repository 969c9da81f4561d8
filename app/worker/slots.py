"""How many transfers a worker carries out at once, and what each may use."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import Settings

_GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Slot:
    """Room for one transfer; `environment` keeps its child to the slot's share of the machine."""

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
