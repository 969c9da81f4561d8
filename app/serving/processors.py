"""How a machine's processors are shared among batches."""

from __future__ import annotations

import sys
from pathlib import Path

from app.runtimes.processors import batches_at_once, usable_processors
from app.serving.lanes import Bounds
from app.settings import Settings

# More threads for one short text wait for each other longer than they save.
_MOST_ALONE = 4
_GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
_GPU_TOKENS, _CPU_TOKENS = 16384, 1024


def bounds_of(settings: Settings) -> Bounds:
    """One lane on a GPU, which takes its work in a row; on CPUs a lane for each processor."""
    on_gpu = _has_gpu()
    processors = usable_processors()
    lanes = 1 if on_gpu else batches_at_once()
    return Bounds(
        lanes=lanes,
        threads_beside=max(1, processors // lanes),
        threads_alone=min(processors, _MOST_ALONE),
        batch_tokens=settings.batch_tokens or (_GPU_TOKENS if on_gpu else _CPU_TOKENS),
        age_seconds=settings.batch_age_seconds,
    )


def _has_gpu() -> bool:
    # Importing torch takes seconds and memory that compiled models do without.
    if not any(file.exists() for file in _GPU_FILES):
        return False
    import torch

    return torch.cuda.is_available()


def gpu_bytes_in_use() -> int | None:
    """What torch holds of the memory of this process's GPU; None where it has none."""
    # Not imported for this: ONNX Runtime does without it.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return int(torch.cuda.memory_reserved())
