"""Where a benchmark's figures are kept, and under which conditions they were taken."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def record(name: str, body: dict[str, Any]) -> Path:
    """Write `results/<name>.json`: the figures beside their conditions."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    conditions = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "cores": os.cpu_count(),
        "device": _device(),
    }
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps({"conditions": conditions, **body}, indent=1) + "\n")
    os.replace(partial, target)
    return target


def _device() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
