"""What a loaded model takes of the machine: memory and processors.

Memory by what `benchmarks/resident_memory.py` measured: the size of a file says little, because
engines copy weights into the order in which they multiply them, once for each number of
processors that they are opened for, and a tokenizer's tables take many times its file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tokenizers import Tokenizer

_MIB = 1024**2
# Of a token: a unigram's trie is the largest by far.
_TOKEN_BYTES = {"Unigram": 1200, "BPE": 400, "WordPiece": 320}
_MOST_TOKEN_BYTES = max(_TOKEN_BYTES.values())
_MOST_AT_ONCE = 16
Opened = TypeVar("Opened")


@dataclass(frozen=True)
class EngineMemory:
    """What an engine holds for each byte of the weights that it multiplies, and beside them."""

    per_byte: float
    fixed: int

    def bytes(self, weights: int, openings: int = 1) -> int:
        """What weights of so many bytes hold after so many openings."""
        return round(openings * (self.per_byte * weights + self.fixed))


TORCH_MEMORY = EngineMemory(1.07, 10 * _MIB)
ONNXRUNTIME_MEMORY = {
    "float32": EngineMemory(1.08, 10 * _MIB),
    "int8": EngineMemory(1.3, 11 * _MIB),
}
OPENVINO_MEMORY = {
    "bfloat16": EngineMemory(1.1, 20 * _MIB),
    "float32": EngineMemory(1.15, 27 * _MIB),
}


def tokenizer_bytes(tokenizer: Tokenizer) -> int:
    """What the tables of a tokenizer hold, by its kind and its number of tokens."""
    kind = type(tokenizer.model).__name__
    return tokenizer.get_vocab_size() * _TOKEN_BYTES.get(kind, _MOST_TOKEN_BYTES)


def usable_processors() -> int:
    """How many there are; at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batches_at_once() -> int:
    """One for each processor, up to a bound, side by side."""
    return min(usable_processors(), _MOST_AT_ONCE)


class ByThreadCount(Generic[Opened]):
    """What `open` gives for one processor, and what it gives for several when first asked for."""

    def __init__(self, open: Callable[[int], Opened]) -> None:
        self._open = open
        self.for_one = open(1)
        self._for_several: Opened | None = None
        self._opening = threading.Lock()

    @property
    def openings(self) -> int:
        """How often it was opened."""
        return 1 + (self._for_several is not None)

    def get(self, threads: int) -> Opened:
        """What computes on `threads` processors; several threads call it at once."""
        if threads == 1:
            return self.for_one
        with self._opening:
            if self._for_several is None:
                self._for_several = self._open(threads)
        return self._for_several
