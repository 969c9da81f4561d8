"""Reads an uploaded model, in the reading child; what can run code is refused before."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.archive import is_archive, unpack_artifact
from app.artifacts.single_files import (
    ONNX_FILE,
    VECTORS_BINARY,
    refuse_lfs_pointer,
    single_file_name,
    word_vectors_name,
)
from app.domain.errors.model_files import (
    AdapterNotMerged,
    FileEmpty,
    FormatRunsCode,
    FormatUnknown,
    ModelNotAtTop,
)
from app.domain.errors.model_formats import FastTextBinary
from app.domain.models import ModelFacts, ModelHints
from app.formats.catalog import detect_format
from app.formats.json_files import read_json_object

# The field `ir_version`, with which every exporter begins an ONNX file.
_ONNX_START = b"\x08"
_CONFIG, _ADAPTER = "config.json", "adapter_config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# Weights for other frameworks, and the state that a trainer goes on from. Pickles by other names
# may be heads, which a model lacks without them.
_UNUSED_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".hdf5")
# The steps of sentence-transformers after the encoder, such as 2_Dense.
_STEP = re.compile(r"\d+_\w+")
_SHOWN = 5
_START_BYTES = 64 * 1024
CODE_SUFFIXES = {
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".ckpt": "a checkpoint with pickles",
    ".bin": "a PyTorch file",
    ".pt2": "a torch.export archive",
    ".h5": "a Keras file",
    ".hdf5": "a Keras file",
    ".keras": "a Keras file",
    ".joblib": "a joblib file",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
}
_FASTTEXT = bytes.fromhex("ba164f2f")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_model(
    upload: str,
    filename: str,
    hints: dict[str, Any],
    folder: str,
    max_bytes: int,
    max_members: int,
) -> dict[str, Any]:
    """Unpack `upload` into `folder`, choose its format, run it once; the facts as JSON.

    Raises a `RejectedFile`: of the archive, of its files, or of the format.
    """
    file, target = Path(upload), Path(folder)
    if file.stat().st_size == 0:
        raise FileEmpty(filename)
    refuse_lfs_pointer(file, filename)
    refuse_code(file, filename)
    if not (is_archive(file) or _is_word_vectors(file) or _may_be_onnx(file, filename)):
        raise FormatUnknown([filename])
    unpack_artifact(file, target, max_bytes, max_members)
    notes = check_model_folder(target)
    model_hints = ModelHints(tuple(hints["labels"]), hints["input"], hints.get("vectors", {}))
    facts = detect_format(target).inspect(target, model_hints)
    facts = replace(facts, notes=(*notes, *facts.notes))
    dumped: dict[str, Any] = TypeAdapter(ModelFacts).dump_python(facts, mode="json")
    return dumped


def _is_word_vectors(file: Path) -> bool:
    return single_file_name(file) != ONNX_FILE


def _may_be_onnx(file: Path, filename: str) -> bool:
    with file.open("rb") as handle:
        return filename.lower().endswith(".onnx") or handle.read(1) == _ONNX_START


def check_model_folder(folder: Path) -> list[str]:
    """Refuse what cannot be a model, and say in notes which files are left out.

    Beside a Hugging Face directory's own safetensors other weights and a trainer's state are
    never opened. Raises `AdapterNotMerged`, `FormatRunsCode`, `LfsPointer` and `ModelNotAtTop`.
    """
    _refuse_adapter(folder)
    _refuse_models_below(folder)
    unused = _unused_files(folder)
    refuse_code_inside(folder, unused)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in unused:
            refuse_lfs_pointer(path, name)
    return _note_unused(unused)


def _refuse_adapter(folder: Path) -> None:
    # Even beside whole weights: transformers would fetch the base model that it names.
    if (folder / _ADAPTER).is_file():
        config = read_json_object(folder / _ADAPTER)
        base, task = config.get("base_model_name_or_path"), config.get("task_type")
        raise AdapterNotMerged(str(config.get("peft_type")), str(base), str(task))


def _refuse_models_below(folder: Path) -> None:
    """Models in several folders, or in one beside others: which is meant?"""
    if any(path.is_file() for path in folder.iterdir()):
        return
    below = sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob(_CONFIG))
    if below:
        raise ModelNotAtTop(below)


def _unused_files(folder: Path) -> frozenset[str]:
    if not (folder / _CONFIG).is_file() or not any((folder / one).is_file() for one in _WEIGHTS):
        return frozenset()
    files = (path for path in folder.rglob("*") if path.suffix.lower() in _UNUSED_SUFFIXES)
    names = (path.relative_to(folder).as_posix() for path in files if path.is_file())
    return frozenset(name for name in names if not _may_be_used(folder, name))


def _may_be_used(folder: Path, name: str) -> bool:
    parts = PurePosixPath(name).parts
    if parts[-1].startswith("model_head."):
        return True
    step = len(parts) > 1 and _STEP.fullmatch(parts[0])
    return bool(step) and not (folder / parts[0] / _WEIGHTS[0]).is_file()


def _note_unused(unused: frozenset[str]) -> list[str]:
    if not unused:
        return []
    shown = ", ".join(sorted(unused)[:_SHOWN])
    more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
    return [f"Not needed beside the safetensors, and never opened: {shown}{more}."]


def refuse_code(file: Path, name: str) -> None:
    """Raises FormatRunsCode when `file`, sent as `name`, is of a kind that can run code.

    FastTextBinary is raised here too, since such a file is recognised by its first bytes.
    """
    kind = _code_by_bytes(file, name) or _code_by_members(file) or _code_by_name(file, name)
    if kind is not None:
        raise FormatRunsCode(name, kind)


def refuse_code_inside(folder: Path, allowed: frozenset[str] = frozenset()) -> None:
    """Raises FormatRunsCode at the first file in `folder` that can run code, but for `allowed`."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name in allowed:
            continue
        kind = _code_by_bytes(path, name) or _code_by_name(path, name)
        if kind is not None:
            raise FormatRunsCode(name, kind)


def _code_by_name(file: Path, name: str) -> str | None:
    """What the ending promises; word2vec's binary files share `.bin` with PyTorch's."""
    kind = CODE_SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        return None
    with file.open("rb") as handle:
        return None if word_vectors_name(handle.read(_START_BYTES)) == VECTORS_BINARY else kind


def _code_by_bytes(file: Path, name: str) -> str | None:
    with file.open("rb") as handle:
        start = handle.read(8)
    if start.startswith(_FASTTEXT):
        raise FastTextBinary(name)
    if start == _HDF5:
        return "an HDF5 file"
    # Protocols 2 to 5. A safetensors file starts with the length of its header, any number, and the
    # data of an ONNX file with a weight.
    is_pickle = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return "a pickle" if is_pickle and not name.endswith((".safetensors", ".onnx.data")) else None


def _code_by_members(file: Path) -> str | None:
    """What a zip is that some library wrote as its own format; None for other files."""
    if not zipfile.is_zipfile(file):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = {PurePosixPath(name).name for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None  # unpacking it says what is wrong
    if "archive_format" in names or "serialized_exported_program.json" in names:
        return "a torch.export archive"
    if "data.pkl" in names:
        return "a PyTorch file"
    return "a Keras file" if "model.weights.h5" in names else None
