"""Builders of files and folders of word vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.models import SENTENCES

WORDS = tuple(dict.fromkeys(word for text in SENTENCES for word in text.lower().split()))


def some_vectors(words: int, width: int = 8, seed: int = 0) -> np.ndarray:
    """Random vectors, float32 (words, width)."""
    drawn = np.random.default_rng(seed).normal(size=(words, width))
    return drawn.astype(np.float32)


def write_text_vectors(
    file: Path, words: Sequence[str], matrix: np.ndarray, header: bool = True
) -> Path:
    """A word2vec text file, or GloVe's without the header; numbers are written exactly."""
    lines = [f"{len(words)} {matrix.shape[1]}"] if header else []
    for word, row in zip(words, matrix, strict=True):
        lines.append(" ".join([word, *(repr(float(number)) for number in row)]))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_binary_vectors(file: Path, words: Sequence[str], matrix: np.ndarray) -> Path:
    """A word2vec binary file."""
    with file.open("wb") as handle:
        handle.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        for word, row in zip(words, matrix, strict=True):
            handle.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
    return file


def word_vectors(
    folder: Path,
    words: Sequence[str] = WORDS,
    matrix: np.ndarray | None = None,
    labels: Sequence[str] = (),
    pooling: str = "mean",
    seed: int = 0,
) -> Path:
    """A folder of word vectors as text; with `labels` it is a classifier with a drawn head."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = some_vectors(len(words), seed=seed) if matrix is None else matrix
    write_text_vectors(folder / "vectors.vec", words, vectors)
    described = {"pooling": pooling, "labels": list(labels)}
    (folder / "word_vectors.json").write_text(json.dumps(described), encoding="utf-8")
    if labels:
        from safetensors.numpy import save_file

        weight = some_vectors(len(labels), vectors.shape[1], seed + 1)
        bias = np.zeros(len(labels), np.float32)
        save_file({"weight": weight, "bias": bias}, folder / "head.safetensors")
    return folder
