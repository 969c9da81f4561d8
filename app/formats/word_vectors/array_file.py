"""Word vectors as a NumPy array beside a vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.domain.errors.model_files import FileInvalid, FileMissing
from app.domain.errors.word_vectors import VocabularyUnfit
from app.formats.word_vectors.raw_vectors import Collected, RawVectors

VOCABULARY_FILES = ("vocabulary.txt", "vocab.txt", "words.txt")
_MATRICES = ("vectors", "embeddings", "matrix")
_WORDS = ("words", "vocabulary", "vocab")
_ROWS = 10_000


def read_array_vectors(file: Path, limit: int) -> RawVectors:
    """At most `limit` words of `file`, an .npz with `vectors` (and `words`) or an .npy.

    The words are an array of texts in the .npz, a `words.npy`, or one a line in a
    `vocabulary.txt` beside it. An .npy is memory mapped. Arrays of Python objects are pickles
    and are refused (FileInvalid); VocabularyUnfit where words and rows are not as many.
    """
    arrays = _arrays(file)
    matrix = _named(arrays, _MATRICES)
    if matrix is None or matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.size:
        raise FileInvalid(file.name, "it holds no matrix of numbers called `vectors`")
    words = _words(arrays, file.parent)
    if len(words) != len(matrix):
        raise VocabularyUnfit(len(words), len(matrix))
    found = Collected(limit, matrix.shape[1])
    for start in range(0, len(words), _ROWS):
        if found.full:
            break
        rows = np.array(matrix[start : start + _ROWS], dtype=np.float32)
        found.add(words[start : start + _ROWS], rows)
    return found.finish(len(words) > limit and found.full)


def _arrays(file: Path) -> dict[str, np.ndarray]:
    try:
        if file.suffix == ".npy":
            near = [path for path in file.parent.glob("*.npy") if path.stem in _MATRICES + _WORDS]
            return {path.stem: np.load(path, mmap_mode="r") for path in near}
        with np.load(file) as opened:
            return {name: opened[name] for name in opened.files}
    except (ValueError, OSError, EOFError) as problem:
        objects = "pickle" in str(problem) or "Python objects" in str(problem)
        said = "it holds Python objects, which are pickles" if objects else problem
        raise FileInvalid(
            file.name,
            str(said),
            "Save a float32 matrix `vectors` and an array of texts `words` "
            "(`numpy.array(words, dtype=str)`), without objects.",
        ) from None


def _words(arrays: dict[str, np.ndarray], folder: Path) -> list[str]:
    words = _named(arrays, _WORDS)
    if words is not None:
        if words.dtype.kind not in "US":
            raise FileInvalid("words", "the vocabulary is no array of texts")
        return [_text(word) for word in words.tolist()]
    file = next((folder / name for name in VOCABULARY_FILES if (folder / name).is_file()), None)
    if file is None:
        raise FileMissing("vocabulary.txt", "names the rows", "Add it: one word a line.")
    return read_vocabulary_file(file)


def read_vocabulary_file(file: Path) -> list[str]:
    """One word a line, in UTF-8; raises FileInvalid."""
    try:
        # Not `read_text`, which takes signs inside of words for the ends of lines.
        lines = file.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        return [line.removesuffix("\r") for line in lines]
    except UnicodeDecodeError as problem:
        raise FileInvalid(file.name, f"it is no UTF-8 ({problem})") from None


def _named(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _text(word: str | bytes) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else word
