"""Tells files that can run code when they are read: by name, by first bytes, by what is inside."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from app.artifacts.single_files import VECTORS_BINARY, vectors_name
from app.domain.errors.model_files import FormatRunsCode
from app.domain.errors.word_vectors import FastTextBinary

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


def refuse_code(file: Path, name: str) -> None:
    """Raises FormatRunsCode when `file`, sent as `name`, is of a kind that can run code.

    FastTextBinary is raised here too, since such a file is told by its first bytes.
    """
    kind = _by_bytes(file, name) or _by_members(file) or _by_name(file, name)
    if kind is not None:
        raise FormatRunsCode(name, kind)


def refuse_code_inside(folder: Path, but: frozenset[str] = frozenset()) -> None:
    """Raises FormatRunsCode at the first file in `folder`, `but` those, that can run code."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name in but:
            continue
        kind = _by_bytes(path, name) or _by_name(path, name)
        if kind is not None:
            raise FormatRunsCode(name, kind)


def _by_name(file: Path, name: str) -> str | None:
    """What the ending promises; word2vec's binary files share `.bin` with PyTorch's."""
    kind = CODE_SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        return None
    with file.open("rb") as handle:
        return None if vectors_name(handle.read(_START_BYTES)) == VECTORS_BINARY else kind


def _by_bytes(file: Path, name: str) -> str | None:
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


def _by_members(file: Path) -> str | None:
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
