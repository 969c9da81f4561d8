"""Where feature vectors are kept, so that a text is encoded once however often it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class VectorCache(Protocol):
    """Vectors by the digest of the encoder that made them and the content that they stand for.

    A content is a text, or the digest of an image (`app.learn.encoding`). A cache may forget.
    """

    def get(self, encoder: str, contents: Sequence[str]) -> list[np.ndarray | None]:
        """The vector (float32, without a batch axis) of each content, None where there is none."""

    def put(self, encoder: str, contents: Sequence[str], vectors: np.ndarray) -> None:
        """Keep `vectors`, float32 (n, ...), for `contents`."""


class MemoryVectors:
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
