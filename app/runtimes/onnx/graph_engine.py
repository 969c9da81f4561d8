"""The GraphEngine: a library that computes with a compiled graph."""

from __future__ import annotations

from typing import Protocol

import numpy as np

Feed = dict[str, np.ndarray]


class GraphEngine(Protocol):
    """An opened graph."""

    name: str  # onnxruntime, openvino
    precision: str  # float32, bfloat16, int8
    accepted: list[str]  # the names of the graph's inputs
    multiple: int  # tokens in a row should be a multiple of it

    @property
    def size_bytes(self) -> int:
        """What its weights hold in memory, as often as it was opened."""

    def logits(self, feed: Feed, threads: int) -> np.ndarray:
        """The output `logits`, float32, computed on at most `threads` processors.

        Several threads call it at once.
        """
