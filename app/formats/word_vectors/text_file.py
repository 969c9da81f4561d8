"""Word vectors as text: word2vec and fastText's `.vec` with a header, GloVe without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from app.domain.errors.word_vectors import VectorsMalformed, VectorsTruncated
from app.formats.word_vectors.raw_vectors import Collected, RawVectors

_HEADER = re.compile(rb"\s*(\d+)[ \t]+(\d+)\s*$")
_CHUNK = 1000
# More bad lines than this share, and than the least, and the file as a whole is in doubt.
_MOST_BAD = 0.01
_LEAST_BAD = 10

Line = tuple[int, bytes]


def read_text_vectors(file: Path, limit: int) -> RawVectors:
    """At most `limit` words of `file`, read line by line: only what is kept is in memory.

    A line that is no word in UTF-8 with as many numbers as the others is left out and counted;
    words may hold spaces. Raises VectorsMalformed at more than 1% of such lines, and
    VectorsTruncated where the header promises more words than there are lines.
    """
    with file.open("rb") as handle:
        first = handle.readline()
        header = _HEADER.match(first)
        promised = int(header.group(1)) if header else 0
        width = int(header.group(2)) if header else len(first.split()) - 1
        if not header:
            handle.seek(0)
        reader = _Reader(file.name, Collected(limit, width), 2 if header else 1)
        lines = _lines(handle, reader.next_line)
        while not reader.found.full and (chunk := list(islice(lines, _CHUNK))):
            reader.take(chunk)
        more = next(lines, None) is not None
    if not more and reader.lines < promised and not reader.found.full:
        raise VectorsTruncated(file.name, promised, reader.lines)
    reader.judge()
    return reader.found.finish(more)


def _lines(handle: Iterator[bytes], number: int) -> Iterator[Line]:
    for offset, line in enumerate(handle):
        line = line.rstrip(b"\r\n ").replace(b"\t", b" ")
        if line:
            yield number + offset, line


class _Reader:
    """Turns lines into words and rows, and remembers the first that was none."""

    def __init__(self, name: str, found: Collected, next_line: int) -> None:
        self.found = found
        self.next_line = next_line
        self.lines = 0
        self._name = name
        self._bad = 0
        self._first: tuple[int, str] | None = None

    def take(self, chunk: list[Line]) -> None:
        """Read some lines, all at once where all are as they should be."""
        self.lines += len(chunk)
        if not self._take_quickly(chunk):
            for number, line in chunk:
                self._take_one(number, line)

    def judge(self) -> None:
        """Raise VectorsMalformed where too much was bad, or nothing was good."""
        if self._first and (
            self._bad > max(_LEAST_BAD, _MOST_BAD * self.lines) or not self.found.words
        ):
            raise VectorsMalformed(self._name, *self._first, self.lines, self._bad)
        if self._bad:
            self.found.left_out["whose lines could not be read"] += self._bad

    def _take_quickly(self, chunk: list[Line]) -> bool:
        width = self.found.width
        parts = [line.partition(b" ") for _, line in chunk]
        if any(rest.count(b" ") != width - 1 for _, _, rest in parts):
            return False
        try:
            words = [word.decode("utf-8") for word, _, _ in parts]
            numbers = np.fromstring(b" ".join(p[2] for p in parts), dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return False
        if numbers.size != width * len(chunk):
            return False
        self.found.add(words, numbers.reshape(len(chunk), width))
        return True

    def _take_one(self, number: int, line: bytes) -> None:
        width = self.found.width
        parts = line.rsplit(None, width)
        if len(parts) != width + 1:
            self._refuse(number, f"it has {len(parts) - 1} numbers where others have {width}")
            return
        try:
            word = parts[0].decode("utf-8")
            row = np.array([float(part) for part in parts[1:]], dtype=np.float32)
        except UnicodeDecodeError:
            self._refuse(number, "its word is no UTF-8")
        except ValueError:
            self._refuse(number, f"it has no {width} numbers after its word")
        else:
            self.found.add([word], row[None])

    def _refuse(self, number: int, problem: str) -> None:
        self._bad += 1
        self._first = self._first or (number, problem)
