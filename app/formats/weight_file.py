"""A safetensors file of a model folder."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from app.domain.errors.model_files import FileInvalid, FileMissing


def read_weight_file(file: Path, why: str, advice: str) -> dict[str, Tensor]:
    """The file's tensors by name, as they are stored.

    Raises FileMissing, with `why` the format needs the file and `advice` on how to write it, and
    FileInvalid.
    """
    if not file.is_file():
        raise FileMissing(file.name, why, advice)
    try:
        return load_file(file)
    except Exception as problem:  # the library has one exception, below Exception itself
        raise FileInvalid(file.name, str(problem)) from None
