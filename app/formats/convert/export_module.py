"""Exports a torch module, or a program that torch.export has made of one, as ONNX."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from app.domain.errors.conversion import (
    ConversionFailed,
    ConversionNeedsInput,
    ConversionNeedsPackage,
)
from app.formats.convert.wishes import Wishes


def export_module(module: nn.Module, folder: Path, wishes: Wishes) -> None:
    """Write `model.onnx` for any batch of the images in `wishes.input`."""
    sides = [wishes.input.get(name) for name in ("channels", "height", "width")]
    if not all(isinstance(side, int) for side in sides):
        raise ConversionNeedsInput
    images = torch.zeros(2, *(int(side) for side in sides if side))
    batch = {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)}
    _export(module.eval().float(), (images,), folder, batch)


def export_program(program: torch.export.ExportedProgram, folder: Path) -> None:
    """Write `model.onnx` for the images that the program was made for."""
    _export(program, (), folder, {})


def _export(module: Any, arguments: tuple[Any, ...], folder: Path, options: dict[str, Any]) -> None:
    if importlib.util.find_spec("onnxscript") is None:
        raise ConversionNeedsPackage("onnxscript", "'babelport[convert]'")
    # The exporter warns of optional packages that most networks do not need.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    path = str(folder / "model.onnx")
    try:
        torch.onnx.export(
            module,
            arguments,
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["images"],
            output_names=["logits"],
            **options,
        )
    except torch.onnx.OnnxExporterError as error:
        advice = "Export it with torch.onnx.export yourself, or describe it in architecture.json."
        raise ConversionFailed("The network", _last_line(error), advice) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
