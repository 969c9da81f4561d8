"""The Runtime: a model in memory that answers batches, whatever engine computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Prepared:
    """One input, ready to be put into a batch.

    `cost` is what it adds to a batch: its tokens, or the pixels of an image divided by 256 (what a
    patch of 16 x 16 costs a vision transformer). Inputs of like cost share a batch. `content` is
    the runtime's own: token ids, an array of pixels. `truncated` says that the model reads only
    part of it.
    """

    cost: int
    content: Any
    truncated: bool = False


class Runtime(Protocol):
    """A model in memory."""

    engine: str  # torch, onnxruntime, openvino
    precision: str  # float32, bfloat16, int8

    @property
    def size_bytes(self) -> int:
        """What it holds in memory, by the factors in `app.runtimes.resources`."""

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Tokenise texts or sentences of words (tuples), or take uint8 images (channels, height,
        width).

        May be called from several threads at once, also while `run` works.
        """

    def windows(self, text: str, stride: int) -> list[str]:
        """A text that is cut, in overlapping parts which are read whole (`split_text`)."""

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        """Probabilities of each input, float32 (classes,) or (words, classes), in order.

        Computes on at most `threads` processors. Several threads call it at once, each with a
        batch of its own: two small batches side by side take less time than both in a row on all
        processors.
        """
