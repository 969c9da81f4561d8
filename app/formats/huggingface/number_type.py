"""In which type of number a directory's weights are stored."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import torch
from safetensors import safe_open

_TYPES = {"F16": torch.float16, "BF16": torch.bfloat16}


def number_type(source: Path) -> torch.dtype:
    """The type of most of the source's tensors: float16, bfloat16 or else float32."""
    found: Counter[str] = Counter()
    for file in source.glob("model*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            found.update(opened.get_slice(name).get_dtype() for name in opened.keys())  # noqa: SIM118
    return _TYPES.get(found.most_common(1)[0][0], torch.float32)
