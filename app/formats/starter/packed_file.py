"""Reads `e5-small-q4.bin`: one packed file with a BERT encoder in 4 bits and its vocabulary."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.domain.errors.starter import StarterUnreadable

_MAGIC = b"E5S1"
_FLOAT32 = 0


@dataclass(frozen=True)
class PackedTensor:
    """Where one tensor lies in the file; `quantised` means blocks of Q4_0, else float32."""

    quantised: bool
    elements: int
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class PackedEncoder:
    """All that the file holds: the sizes of a BERT encoder, its pieces and its tensors.

    `pieces` and `scores` (float32, log probabilities) form a unigram vocabulary whose position is
    the token's id; `characters` maps single characters to what the normaliser makes of them;
    `vocabulary` counts the rows of the word embedding, which has some to spare.
    """

    data: np.ndarray
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: np.ndarray
    bos: int
    eos: int
    pad: int
    unknown: int
    characters: dict[str, str]
    tensors: dict[str, PackedTensor]


def read_packed(path: Path) -> PackedEncoder:
    """Map the file and read its directory; the weights themselves stay on disk until used.

    The layout follows `e5_parse` of the package's own C source (little endian): magic, version,
    nine numbers, vocabulary, character map, tensor directory. Raises `StarterUnreadable`.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(data)
    if cursor.bytes(4) != _MAGIC:
        raise StarterUnreadable(str(path), "it does not begin with E5S1")
    try:
        return _read_after_magic(cursor)
    except (struct.error, UnicodeDecodeError, ValueError) as cause:
        raise StarterUnreadable(str(path), str(cause)) from cause


class _Cursor:
    """Reads one field after another."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.at = 0

    def bytes(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count].tobytes()
        self.at += count
        return piece

    def numbers(self, layout: str) -> tuple:
        layout = "<" + layout
        return struct.unpack(layout, self.bytes(struct.calcsize(layout)))

    def array(self, dtype: str, count: int) -> np.ndarray:
        return np.frombuffer(self.bytes(np.dtype(dtype).itemsize * count), dtype)


def _read_after_magic(cursor: _Cursor) -> PackedEncoder:
    _version, hidden, layers, heads, feed_forward, rows, positions, types, epsilon, _block = (
        cursor.numbers("I7ifi")
    )
    count, bos, eos, pad, unknown = cursor.numbers("5i")
    pieces, scores = _read_vocabulary(cursor, count)
    characters = _read_characters(cursor)
    return PackedEncoder(
        data=cursor.data,
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        vocabulary=rows,
        positions=positions,
        token_types=types,
        epsilon=epsilon,
        pieces=pieces,
        scores=scores,
        bos=bos,
        eos=eos,
        pad=pad,
        unknown=unknown,
        characters=characters,
        tensors=_read_directory(cursor),
    )


def _read_vocabulary(cursor: _Cursor, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    (size,) = cursor.numbers("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count)
    text = cursor.bytes(size)
    pieces = (text[start:end] for start, end in itertools.pairwise(offsets))
    return tuple(piece.decode("utf-8") for piece in pieces), scores


def _read_characters(cursor: _Cursor) -> dict[str, str]:
    count, _size = cursor.numbers("iI")
    characters: dict[str, str] = {}
    for _ in range(count):
        character, length = cursor.numbers("IB")
        characters[chr(character)] = "".join(map(chr, cursor.numbers(f"{length}I")))
    return characters


def _read_directory(cursor: _Cursor) -> dict[str, PackedTensor]:
    tensors: dict[str, PackedTensor] = {}
    for _ in range(*cursor.numbers("i")):
        name = cursor.bytes(*cursor.numbers("H")).decode("ascii")
        kind, elements, offset, size = cursor.numbers("BIQQ")
        tensors[name] = PackedTensor(kind != _FLOAT32, elements, offset, size)
    return tensors
