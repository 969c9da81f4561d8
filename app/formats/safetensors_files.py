"""Safetensors files of a model folder: their tensors, and the dtype most of them have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from app.domain.errors.model_files import FileInvalid, FileMissing, WeightsDoNotFit

_DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16}


def read_weight_file(file: Path, purpose: str, advice: str) -> dict[str, Tensor]:
    """The file's tensors by name, as they are stored.

    Raises FileMissing, with the file's `purpose` and `advice` on how to write it, and FileInvalid.
    """
    if not file.is_file():
        raise FileMissing(file.name, purpose, advice)
    try:
        return load_file(file)
    except Exception as problem:  # the library has one exception, below Exception itself
        raise FileInvalid(file.name, str(problem)) from None


def read_linear_weights(
    file: Path, shape: tuple[int, int], purpose: str, advice: str
) -> dict[str, Tensor]:
    """`weight` of this shape (out, in) and `bias` (out,), and nothing else.

    Raises as `read_weight_file` does, and WeightsDoNotFit.
    """
    weights = read_weight_file(file, purpose, advice)
    expected = {"weight": shape, "bias": shape[:1]}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != expected:
        raise WeightsDoNotFit(file.name, f"it holds {found}, but {expected} is needed")
    return weights


def stored_dtype(source: Path) -> torch.dtype:
    """The type of most of the source's tensors: float16, bfloat16 or else float32."""
    found: Counter[str] = Counter()
    for file in source.glob("model*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            found.update(opened.get_slice(name).get_dtype() for name in opened.keys())  # noqa: SIM118
    return _DTYPES.get(found.most_common(1)[0][0], torch.float32)
