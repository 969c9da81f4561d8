"""Finds the file of word vectors in a folder, and reads it whatever its layout."""

from __future__ import annotations

from pathlib import Path

from app.artifacts.single_files import VECTORS_BINARY, VECTORS_TEXT, vectors_name
from app.domain.errors.model_files import FileInvalid, FormatUnknown
from app.domain.errors.word_vectors import VectorsAmbiguous
from app.formats.word_vectors.raw_vectors import RawVectors

_START_BYTES = 64 * 1024
_TEXTS = {".txt", ".vec", ".bin", ".vectors", ".w2v", ".glove", ""}


def raw_files(folder: Path) -> list[Path]:
    """The files directly in `folder` that are word vectors, by name and first bytes."""
    return [file for file in sorted(folder.iterdir()) if file.is_file() and _kind(file)]


def read_raw(folder: Path, limit: int) -> RawVectors:
    """At most `limit` words of the one file there is; raises a RejectedFile."""
    from app.formats.word_vectors.array_file import read_array_vectors
    from app.formats.word_vectors.binary_file import read_binary_vectors
    from app.formats.word_vectors.text_file import read_text_vectors

    files = raw_files(folder)
    if len(files) > 1:
        raise VectorsAmbiguous([file.name for file in files])
    if not files:
        raise FormatUnknown([path.name for path in folder.iterdir()])
    [file] = files
    reader = {VECTORS_TEXT: read_text_vectors, VECTORS_BINARY: read_binary_vectors}
    found = reader.get(_kind(file), read_array_vectors)(file, limit)
    if not found.words:
        raise FileInvalid(file.name, "it holds no words")
    return found


def _kind(file: Path) -> str:
    """`array`, VECTORS_TEXT, VECTORS_BINARY, or nothing where it is none of them."""
    if file.suffix == ".npz" or file.name in ("vectors.npy", "embeddings.npy", "matrix.npy"):
        return "array"
    if file.suffix not in _TEXTS:
        return ""
    with file.open("rb") as handle:
        return vectors_name(handle.read(_START_BYTES)) or ""
