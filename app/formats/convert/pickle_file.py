"""Converts pickles by any name: a PyTorch network, or a SetFit head with its directory."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from app.domain.errors.conversion import ConversionFailed, ConversionNeedsTrust
from app.formats.convert.huggingface_folder import convert_huggingface_folder
from app.formats.convert.pytorch_file import convert_content, convert_pytorch_file
from app.formats.convert.setfit_head import HEAD
from app.formats.convert.wishes import Wishes


def convert_pickle_file(source: Path, folder: Path, wishes: Wishes) -> None:
    """What `convert_pytorch_file` writes of its content; only with `wishes.trust`."""
    if source.name == HEAD and (source.parent / "config.json").is_file():
        convert_huggingface_folder(source.parent, folder, wishes)
        return
    if zipfile.is_zipfile(source):  # what torch.save writes
        convert_pytorch_file(source, folder, wishes)
        return
    if not wishes.trust:
        raise ConversionNeedsTrust(str(source), "a pickle")
    convert_content(_read(source), source, folder, wishes)


def convert_weights_or_folder(source: Path, folder: Path, wishes: Wishes) -> None:
    """A `.bin` file: the directory that it lies in where that is a Hugging Face one."""
    if (source.parent / "config.json").is_file():
        convert_huggingface_folder(source.parent, folder, wishes)
    else:
        convert_pytorch_file(source, folder, wishes)


def _read(source: Path) -> Any:
    import joblib

    try:
        return joblib.load(source)
    except Exception as error:  # a pickle raises whatever its classes provoke
        advice = "Run this where the packages are installed with which the file was written."
        raise ConversionFailed(str(source), f"{type(error).__name__}: {error}", advice) from error
