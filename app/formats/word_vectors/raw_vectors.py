"""Word vectors as others publish them: word2vec, fastText's .vec, GloVe, NumPy arrays."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from app.artifacts.single_files import VECTORS_BINARY, VECTORS_TEXT, word_vectors_name
from app.domain.errors.model_files import FileInvalid, FileMissing, FormatUnknown
from app.domain.errors.model_formats import (
    VectorsAmbiguous,
    VectorsMalformed,
    VectorsTruncated,
    VocabularyUnfit,
)

_START_BYTES = 64 * 1024
_SUFFIXES = {".txt", ".vec", ".bin", ".vectors", ".w2v", ".glove", ""}
_HEADER = re.compile(rb"\s*(\d+)[ \t]+(\d+)\s*$")
_CHUNK = 1000
# More bad lines than this share, and than the least, and the file as a whole is in doubt.
_MAX_BAD_LINES = 0.01
_MIN_BAD_LINES = 10
Line = tuple[int, bytes]
_LONGEST_WORD = 1000
_WIDEST = 100_000
VOCABULARY_FILES = ("vocabulary.txt", "vocab.txt", "words.txt")
_MATRICES = ("vectors", "embeddings", "matrix")
_WORDS = ("words", "vocabulary", "vocab")
_ROWS = 10_000


def raw_vector_files(folder: Path) -> list[Path]:
    """The files directly in `folder` that are word vectors, by name and first bytes."""
    return [file for file in sorted(folder.iterdir()) if file.is_file() and _file_kind(file)]


def read_raw_vectors(folder: Path, limit: int) -> RawVectors:
    """At most `limit` words of the one file there is; raises a RejectedFile."""

    files = raw_vector_files(folder)
    if len(files) > 1:
        raise VectorsAmbiguous([file.name for file in files])
    if not files:
        raise FormatUnknown([path.name for path in folder.iterdir()])
    [file] = files
    reader = {VECTORS_TEXT: read_text_vectors, VECTORS_BINARY: read_binary_vectors}
    found = reader.get(_file_kind(file), read_array_vectors)(file, limit)
    if not found.words:
        raise FileInvalid(file.name, "it holds no words")
    return found


def _file_kind(file: Path) -> str:
    """`array`, VECTORS_TEXT, VECTORS_BINARY, or nothing where it is none of them."""
    if file.suffix == ".npz" or file.name in ("vectors.npy", "embeddings.npy", "matrix.npy"):
        return "array"
    if file.suffix not in _SUFFIXES:
        return ""
    with file.open("rb") as handle:
        return word_vectors_name(handle.read(_START_BYTES)) or ""


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
        reader = _Reader(file.name, WordCollector(limit, width), 2 if header else 1)
        lines = _lines(handle, reader.next_line)
        while not reader.found.full and (chunk := list(islice(lines, _CHUNK))):
            reader.take(chunk)
        more = next(lines, None) is not None
    if not more and reader.lines < promised and not reader.found.full:
        raise VectorsTruncated(file.name, promised, reader.lines)
    reader.check()
    return reader.found.finish(more)


def _lines(handle: Iterator[bytes], number: int) -> Iterator[Line]:
    for offset, line in enumerate(handle):
        line = line.rstrip(b"\r\n ").replace(b"\t", b" ")
        if line:
            yield number + offset, line


class _Reader:
    """Turns lines into words and rows, and remembers the first that was none."""

    def __init__(self, name: str, found: WordCollector, next_line: int) -> None:
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

    def check(self) -> None:
        """Raise VectorsMalformed where too much was bad, or nothing was good."""
        if self._first and (
            self._bad > max(_MIN_BAD_LINES, _MAX_BAD_LINES * self.lines) or not self.found.words
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
        found = WordCollector(min(limit, promised), width)
        for place in range(promised):
            if found.full:
                break
            word = _read_word(handle, file.name)
            numbers = handle.read(4 * width)
            if len(numbers) < 4 * width:
                raise VectorsTruncated(file.name, promised, place)
            _add_rows(found, word, np.frombuffer(numbers, dtype="<f4"))
        return found.finish(len(found.words) + sum(found.left_out.values()) < promised)


def _read_word(handle: IO[bytes], name: str) -> bytes:
    """The bytes up to a space; some programs end each entry with a line feed, others do not."""
    word = bytearray()
    while (byte := handle.read(1)) not in (b" ", b""):
        if byte != b"\n":
            word += byte
        if len(word) > _LONGEST_WORD:
            raise FileInvalid(name, f"a word has more than {_LONGEST_WORD} bytes")
    return bytes(word)


def _add_rows(found: WordCollector, word: bytes, row: np.ndarray) -> None:
    try:
        found.add([word.decode("utf-8")], row[None])
    except UnicodeDecodeError:
        found.left_out["that are no UTF-8"] += 1


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
    found = WordCollector(limit, matrix.shape[1])
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
        reason = "it holds Python objects, which are pickles" if objects else problem
        raise FileInvalid(
            file.name,
            str(reason),
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


@dataclass(frozen=True)
class RawVectors:
    """`words` (n) are distinct and in the file's order; `matrix` is float32 (n, width).

    `notes` say in sentences what was left out.
    """

    words: list[str]
    matrix: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass
class WordCollector:
    """What a reader has found so far, at most `limit` words of `width` numbers."""

    limit: int
    width: int
    words: list[str] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)
    more: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    _known: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether no further word is wanted."""
        return len(self.words) >= self.limit

    def add(self, words: Iterable[str], rows: np.ndarray) -> None:
        """Take words with their rows (float32 (n, width)), up to the limit; count what is not."""
        kept = []
        for place, word in enumerate(words):
            if self.full:
                self.more = True
                break
            word = unicodedata.normalize("NFC", word)
            if not np.isfinite(rows[place]).all():
                self.left_out["with numbers that are not finite"] += 1
            elif not word or word != word.strip() or "\n" in word:
                self.left_out["that are empty or hold line breaks"] += 1
            elif word in self._known:
                self.left_out["that stood there before"] += 1
            else:
                self._known.add(word)
                self.words.append(word)
                kept.append(place)
        self.parts.append(rows[kept])

    def finish(self, more: bool) -> RawVectors:
        """All of it; `more` tells that the file has words that were not offered here."""
        notes = [
            f"{count} words {reason} were left out." for reason, count in self.left_out.items()
        ]
        if more or self.more:
            notes.append(f"Only the first {len(self.words)} words were read.")
        empty = np.zeros((0, self.width), dtype=np.float32)
        return RawVectors(self.words, np.concatenate([empty, *self.parts]), tuple(notes))
