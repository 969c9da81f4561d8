"""Files sent without an archive: the name each gets in a folder, gzip around one, LFS pointers."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from app.domain.errors.requests import ArchiveDamaged, ArchiveTooLarge, LfsPointer

ONNX_FILE = "model.onnx"
VECTORS_TEXT = "vectors.txt"
VECTORS_BINARY = "vectors.bin"
_START_BYTES = 64 * 1024
# As fastText, word2vec and others begin: how many words, how wide.
_HEADER = re.compile(rb"\s*\d{1,12}[ \t]+\d{1,6}[ \t]*\r?\n")
_FEWEST_NUMBERS = 2
_CHUNK = 1024 * 1024
_DAMAGE_ERRORS = (OSError, EOFError, zlib.error)
_LFS_START = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER = 1024
_POINTER_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)


def single_file_name(file: Path) -> str:
    """`vectors.txt` or `vectors.bin` for what begins like word vectors, else `model.onnx`."""
    with file.open("rb") as handle:
        return word_vectors_name(handle.read(_START_BYTES)) or ONNX_FILE


def word_vectors_name(start: bytes) -> str | None:
    """The same by a file's first bytes (64 KB will do); None where they are no word vectors.

    Text is a word and numbers in each line, after a header of two numbers (word2vec, fastText)
    or without (GloVe). Binary is word2vec's: the header, then words and raw float32.
    """
    header = _HEADER.match(start)
    if header is None:
        return VECTORS_TEXT if _is_line_of_text(start) else None
    return VECTORS_TEXT if _is_line_of_text(start[header.end() :]) else VECTORS_BINARY


def _is_line_of_text(start: bytes) -> bool:
    line, ended, _ = start.partition(b"\n")
    parts = line.split()
    if not ended and len(parts) > _FEWEST_NUMBERS + 1:
        parts.pop()  # cut off somewhere
    numbers = parts[-min(len(parts) - 1, 8) :] if len(parts) > _FEWEST_NUMBERS else []
    return bool(numbers) and all(_is_number(part) for part in numbers)


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def is_gzipped_word_vectors(file: Path) -> bool:
    """Whether `file` is gzip around a single file of word vectors (and no tar)."""
    with file.open("rb") as handle:
        if handle.read(2) != b"\x1f\x8b":
            return False
    return word_vectors_name(_start(file)) is not None


def unpack_gzipped_word_vectors(file: Path, folder: Path, max_bytes: int) -> None:
    """Write what is inside into an absent `folder`, under the name that such a file has there.

    Raises ArchiveDamaged and ArchiveTooLarge.
    """
    folder.mkdir(parents=True)
    left = max_bytes
    target = folder / str(word_vectors_name(_start(file)))
    try:
        with gzip.open(file) as source, target.open("xb") as handle:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveTooLarge("bytes", max_bytes)
                handle.write(chunk)
    except _DAMAGE_ERRORS as problem:
        raise ArchiveDamaged(str(problem)) from problem


def _start(file: Path) -> bytes:
    """The first bytes inside; none where the file is damaged, which unpacking it tells."""
    try:
        with gzip.open(file) as handle:
            return handle.read(_START_BYTES)
    except _DAMAGE_ERRORS:
        return b""


def is_lfs_pointer(file: Path) -> bool:
    """Whether the file is such a pointer."""
    if file.stat().st_size > _LONGEST_POINTER:
        return False
    with file.open("rb") as handle:
        return handle.read(len(_LFS_START)) == _LFS_START


def refuse_lfs_pointer(file: Path, name: str) -> None:
    """Raises LfsPointer where `file`, which its owner calls `name`, is one."""
    if is_lfs_pointer(file):
        size = _POINTER_SIZE.search(file.read_bytes())
        raise LfsPointer(name, int(size.group(1)) if size else None)
