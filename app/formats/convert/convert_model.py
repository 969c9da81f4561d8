"""Makes a file that the service accepts out of one that it refuses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from app.artifacts.archive import pack
from app.domain.enums import Format
from app.domain.errors.conversion import ConversionUnknown, TargetSuffixWrong
from app.domain.models import ModelFacts
from app.formats.catalog import recognise
from app.formats.convert.exported_program import convert_exported_program
from app.formats.convert.huggingface_folder import convert_huggingface_folder
from app.formats.convert.keras_file import convert_keras_file
from app.formats.convert.pickle_file import convert_pickle_file, convert_weights_or_folder
from app.formats.convert.pytorch_file import convert_pytorch_file
from app.formats.convert.wishes import Wishes

_Converter = Callable[[Path, Path, Wishes], None]
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


def convert_model(source: Path, target: Path, wishes: Wishes) -> ModelFacts:
    """Write `target`, a `.onnx` or `.zip` that the service accepts, and return its facts.

    What comes out is read and run by the format's own `inspect` before it is written. Raises the
    leaves of `errors/conversion.py`, and the format's own refusals.
    """
    converter = convert_huggingface_folder if source.is_dir() else _BY_SUFFIX.get(source.suffix)
    if converter is None or not source.exists():
        raise ConversionUnknown(str(source))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        converter(source, folder, wishes)
        found = recognise(folder)
        facts = found.inspect(folder, wishes.hints())
        if found.name is Format.ONNX:
            folder = _described(folder, facts)
        suffix = ".onnx" if found.name is Format.ONNX else ".zip"
        if target.suffix != suffix:
            raise TargetSuffixWrong(str(target), suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        pack(folder, target)
    return facts


def _described(folder: Path, facts: ModelFacts) -> Path:
    """The same graph in another folder, with its labels and input written into the file."""
    found = recognise(folder)
    described = folder.with_name("described")
    described.mkdir()
    found.save(found.load(folder, facts), facts, described)
    return described
