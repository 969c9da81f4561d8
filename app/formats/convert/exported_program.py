"""Converts `.pt2` files, which torch.export writes and which pickle parts of themselves."""

from __future__ import annotations

from pathlib import Path

import torch

from app.domain.errors.conversion import ConversionFailed, ConversionNeedsTrust
from app.formats.convert.export_module import export_program
from app.formats.convert.wishes import Wishes


def convert_exported_program(source: Path, folder: Path, wishes: Wishes) -> None:
    """Write an ONNX file; only with `wishes.trust`, since reading the program can run code."""
    if not wishes.trust:
        raise ConversionNeedsTrust(str(source), "a torch.export archive")
    try:
        program = torch.export.load(source)
    except Exception as error:  # torch.export raises whatever the archive provokes
        advice = "Load it with the torch version that wrote it, and export it as ONNX there."
        raise ConversionFailed(str(source), str(error).split("\n")[0], advice) from error
    export_program(program, folder)
