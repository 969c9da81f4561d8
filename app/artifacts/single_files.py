"""What a single file, sent without an archive around it, is called in a model's folder."""

from __future__ import annotations

import re
from pathlib import Path

ONNX_FILE = "model.onnx"
VECTORS_TEXT = "vectors.txt"
VECTORS_BINARY = "vectors.bin"
_START_BYTES = 64 * 1024
# As fastText, word2vec and others begin: how many words, how wide.
_HEADER = re.compile(rb"\s*\d{1,12}[ \t]+\d{1,6}[ \t]*\r?\n")
_FEWEST_NUMBERS = 2


def single_file_name(file: Path) -> str:
    """`vectors.txt` or `vectors.bin` for what begins like word vectors, else `model.onnx`."""
    with file.open("rb") as handle:
        return vectors_name(handle.read(_START_BYTES)) or ONNX_FILE


def vectors_name(start: bytes) -> str | None:
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
