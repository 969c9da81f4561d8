"""Makes a model file that the service accepts out of one that it refuses."""

from __future__ import annotations

import importlib.util
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.artifacts.archive import pack
from app.domain.enums import Format
from app.domain.errors.model_files import (
    ConversionFailed,
    ConversionNeedsPackage,
    ConversionNeedsTrust,
    ConversionUnknown,
    OutputSuffixWrong,
)
from app.domain.models import ModelFacts
from app.formats.catalog import detect_format
from app.formats.convert.torch_files import (
    SETFIT_HEAD_FILE,
    ConversionRequest,
    convert_content,
    convert_exported_program,
    convert_huggingface_folder,
    convert_pytorch_file,
    load_pickle,
)

_Converter = Callable[[Path, Path, ConversionRequest], None]


def convert_model(source: Path, target: Path, request: ConversionRequest) -> ModelFacts:
    """Write `target`, a `.onnx` or `.zip` that the service accepts, and return its facts.

    What comes out is read and run by the format's own `inspect` before it is written. Raises
    `ConversionUnknown`, `ConversionNeeds...`, `ConversionFailed`, and the format's own refusals.
    """
    converter = convert_huggingface_folder if source.is_dir() else _BY_SUFFIX.get(source.suffix)
    if converter is None or not source.exists():
        raise ConversionUnknown(str(source))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        converter(source, folder, request)
        found = detect_format(folder)
        facts = found.inspect(folder, request.hints())
        if found.name is Format.ONNX:
            folder = _add_metadata(folder, facts)
        suffix = ".onnx" if found.name is Format.ONNX else ".zip"
        if target.suffix != suffix:
            raise OutputSuffixWrong(str(target), suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        pack(folder, target)
    return facts


def _add_metadata(folder: Path, facts: ModelFacts) -> Path:
    """The same graph in another folder, with its labels and input written into the file."""
    found = detect_format(folder)
    annotated = folder.with_name("described")
    annotated.mkdir()
    found.save(found.load(folder, facts), facts, annotated)
    return annotated


def convert_pickle_file(source: Path, folder: Path, request: ConversionRequest) -> None:
    """What `convert_pytorch_file` writes of its content; only with `request.trust`."""
    if source.name == SETFIT_HEAD_FILE and (source.parent / "config.json").is_file():
        convert_huggingface_folder(source.parent, folder, request)
        return
    if zipfile.is_zipfile(source):  # what torch.save writes
        convert_pytorch_file(source, folder, request)
        return
    if not request.trust:
        raise ConversionNeedsTrust(str(source), "a pickle")
    content = load_pickle(source, "the packages are installed with which the file was written")
    convert_content(content, source, folder, request)


def convert_weights_or_folder(source: Path, folder: Path, request: ConversionRequest) -> None:
    """A `.bin` file: the directory that it lies in where that is a Hugging Face one."""
    if (source.parent / "config.json").is_file():
        convert_huggingface_folder(source.parent, folder, request)
    else:
        convert_pytorch_file(source, folder, request)


def convert_keras_file(source: Path, folder: Path, request: ConversionRequest) -> None:
    """Write an ONNX file; layers that carry Python code are read only with `request.trust`."""
    if importlib.util.find_spec("keras") is None:
        raise ConversionNeedsPackage("keras", "keras tf2onnx tensorflow-cpu")
    network = _load_keras(source, request.trust)
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


def _load_keras(source: Path, trust: bool) -> Any:
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


_BY_SUFFIX: dict[str, _Converter] = {
    ".pt": convert_pytorch_file,
    ".pth": convert_pytorch_file,
    ".ckpt": convert_pytorch_file,
    ".bin": convert_weights_or_folder,
    ".pkl": convert_pickle_file,
    ".pickle": convert_pickle_file,
    ".joblib": convert_pickle_file,
    ".pt2": convert_exported_program,
    ".h5": convert_keras_file,
    ".hdf5": convert_keras_file,
    ".keras": convert_keras_file,
}
