"""Where feature vectors are kept, so that a text is encoded once however often it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class VectorCache(Protocol):
    """Vectors by the digest of the encoder that made them and the text that they stand for."""

    def get(self, encoder: str, texts: Sequence[str]) -> list[np.ndarray | None]:
        """The vector (float32 (width,)) of each text, None where there is none."""

    def put(self, encoder: str, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep `vectors` (float32 (n, width)) for `texts`."""
