"""Word vectors in word2vec's binary layout."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from app.domain.errors.model_files import FileInvalid
from app.domain.errors.word_vectors import VectorsTruncated
from app.formats.word_vectors.raw_vectors import Collected, RawVectors

_LONGEST_WORD = 1000
_WIDEST = 100_000


def read_binary_vectors(file: Path, limit: int) -> RawVectors:
    """At most `limit` words: a header as text, then each word, a space, and float32 numbers.

    Words that are no UTF-8 are left out and counted. Raises FileInvalid and VectorsTruncated.
    """
    with file.open("rb") as handle:
        try:
            promised, width = (int(part) for part in handle.readline(100).split())
        except ValueError:
            raise FileInvalid(file.name, "its first line is not two numbers") from None
        if not 0 < width <= _WIDEST:
            raise FileInvalid(file.name, f"its first line asks for {width} numbers per word")
        found = Collected(min(limit, promised), width)
        for place in range(promised):
            if found.full:
                break
            word = _word(handle, file.name)
            numbers = handle.read(4 * width)
            if len(numbers) < 4 * width:
                raise VectorsTruncated(file.name, promised, place)
            _add(found, word, np.frombuffer(numbers, dtype="<f4"))
        return found.finish(len(found.words) + sum(found.left_out.values()) < promised)


def _word(handle: IO[bytes], name: str) -> bytes:
    """The bytes up to a space; some programs end each entry with a line feed, others do not."""
    word = bytearray()
    while (byte := handle.read(1)) not in (b" ", b""):
        if byte != b"\n":
            word += byte
        if len(word) > _LONGEST_WORD:
            raise FileInvalid(name, f"a word has more than {_LONGEST_WORD} bytes")
    return bytes(word)


def _add(found: Collected, word: bytes, row: np.ndarray) -> None:
    try:
        found.add([word.decode("utf-8")], row[None])
    except UnicodeDecodeError:
        found.left_out["that are no UTF-8"] += 1
