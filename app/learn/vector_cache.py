"""Where feature vectors are kept, so that a text is encoded once however often it is needed."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    encoder TEXT NOT NULL,
    content BLOB NOT NULL,
    shape TEXT NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (encoder, content)
)"""
_WAIT_SECONDS = 10.0
# Every build of SQLite takes so many parameters in one statement.
_KEYS_PER_STATEMENT = 500
_ROWS_PER_DROP = 1000


class VectorCache(Protocol):
    """Vectors by the digest of the encoder that made them and the content that they stand for.

    A content is a text, or the digest of an image (`app.learn.inference`). A cache may forget.
    """

    def get(self, encoder: str, contents: Sequence[str]) -> list[np.ndarray | None]:
        """The vector (float32, without a batch axis) of each content, None where there is none."""

    def put(self, encoder: str, contents: Sequence[str], vectors: np.ndarray) -> None:
        """Keep `vectors`, float32 (n, ...), for `contents`."""


class MemoryVectorCache:
    """A VectorCache for as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], np.ndarray] = {}

    def get(self, encoder: str, contents: Sequence[str]) -> list[np.ndarray | None]:
        """The vector of each content, None where there is none."""
        return [self._kept.get((encoder, content)) for content in contents]

    def put(self, encoder: str, contents: Sequence[str], vectors: np.ndarray) -> None:
        """Keep `vectors`, float32 (n, ...), for `contents`."""
        self._kept.update(
            ((encoder, content), vector) for content, vector in zip(contents, vectors, strict=True)
        )


class SqliteVectorCache:
    """Keeps vectors in `file`; beyond `largest_bytes` the oldest make room.

    Contents are kept by their SHA-256 alone. Writes are transactions, so that a killed process
    leaves no half vector and several processes may share the file. It is a cache: where the file
    cannot be read or written (a full disk, a damaged file) it finds and keeps nothing, and says
    so in the log.
    """

    def __init__(self, file: Path, largest_bytes: int) -> None:
        self._file = file
        self._largest_bytes = largest_bytes

    def get(self, encoder: str, contents: Sequence[str]) -> list[np.ndarray | None]:
        """The vector (float32) of each content, None where there is none."""
        keys = [_key(content) for content in contents]
        nothing: dict[bytes, np.ndarray] = {}
        found = self._attempt(lambda opened: _find(opened, encoder, keys), nothing)
        return [found.get(key) for key in keys]

    def put(self, encoder: str, contents: Sequence[str], vectors: np.ndarray) -> None:
        """Keep `vectors`, float32 (n, ...), for `contents`."""
        shape = ",".join(map(str, vectors.shape[1:]))
        rows = [
            (encoder, _key(content), shape, np.ascontiguousarray(vector, np.float32).tobytes())
            for content, vector in zip(contents, vectors, strict=True)
        ]
        self._attempt(lambda opened: self._insert(opened, rows), None)

    def _insert(
        self, opened: sqlite3.Connection, rows: list[tuple[str, bytes, str, bytes]]
    ) -> None:
        with opened:
            opened.executemany(
                "INSERT OR IGNORE INTO vectors (encoder, content, shape, vector) "
                "VALUES (?, ?, ?, ?)",
                rows,
            )
            while _used_bytes(opened) > self._largest_bytes and _drop_oldest(opened):
                pass

    def _attempt(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        try:
            with self._opened() as opened:
                return work(opened)
        except (sqlite3.Error, OSError) as problem:
            _log.warning("the cache of vectors cannot be used (%s)", problem)
            return otherwise

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own, so that threads and forks share none."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=_WAIT_SECONDS)) as opened:
            opened.execute("PRAGMA journal_mode=WAL")
            opened.execute("PRAGMA synchronous=NORMAL")
            opened.execute(_SCHEMA)
            yield opened


def _key(content: str) -> bytes:
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()


def _find(opened: sqlite3.Connection, encoder: str, keys: list[bytes]) -> dict[bytes, np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        chunk = keys[start : start + _KEYS_PER_STATEMENT]
        marks = ",".join("?" * len(chunk))
        rows = opened.execute(
            "SELECT content, shape, vector FROM vectors "
            f"WHERE encoder = ? AND content IN ({marks})",
            [encoder, *chunk],
        )
        for key, shape, vector in rows:
            size = [int(n) for n in shape.split(",") if n]
            found[key] = np.frombuffer(vector, dtype=np.float32).reshape(size)
    return found


def _used_bytes(opened: sqlite3.Connection) -> int:
    """Pages in use times their size; pages of dropped rows are used again."""
    pages, free, size = (
        int(opened.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _drop_oldest(opened: sqlite3.Connection) -> bool:
    dropped = opened.execute(
        "DELETE FROM vectors WHERE number IN (SELECT number FROM vectors ORDER BY number LIMIT ?)",
        [_ROWS_PER_DROP],
    )
    return dropped.rowcount > 0
