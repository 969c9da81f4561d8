"""Converts `.keras` and `.h5` files, with the user's own Keras."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.errors.conversion import (
    ConversionFailed,
    ConversionNeedsPackage,
    ConversionNeedsTrust,
)
from app.formats.convert.wishes import Wishes


def convert_keras_file(source: Path, folder: Path, wishes: Wishes) -> None:
    """Write an ONNX file; layers that carry Python code are read only with `wishes.trust`."""
    if importlib.util.find_spec("keras") is None:
        raise ConversionNeedsPackage("keras", "keras tf2onnx tensorflow-cpu")
    network = _read(source, wishes.trust)
    try:
        # Keras exports no network that has not been called.
        sides = [side or 1 for side in network.inputs[0].shape[1:]]
        network(np.zeros((1, *sides), dtype="float32"))
        network.export(str(folder / "model.onnx"), format="onnx", verbose=False)
    except ImportError as error:
        raise ConversionNeedsPackage(str(error.name), str(error.name)) from error
    except Exception as error:  # whatever the backend's exporter raises
        advice = "Export it yourself with model.export('model.onnx', format='onnx') or tf2onnx."
        raise ConversionFailed(str(source), _first_line(error), advice) from error


def _read(source: Path, trust: bool) -> Any:
    keras: Any = importlib.import_module("keras")
    try:
        return keras.models.load_model(source, compile=False, safe_mode=not trust)
    except Exception as error:  # Keras raises whatever the file provokes
        if not trust and "unsafe" in str(error).lower():
            kind = "a Keras file with Python code in a layer"
            raise ConversionNeedsTrust(str(source), kind) from error
        advice = "Load it with the Keras version that wrote it, and save it again as .keras."
        raise ConversionFailed(str(source), _first_line(error), advice) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
