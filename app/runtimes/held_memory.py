"""What a loaded model holds in memory, by what `benchmarks/resident_memory.py` measured.

The size of a file says little: engines copy weights into the order in which they multiply them,
once for each number of processors that they are opened for, and a tokenizer's tables take many
times the bytes of its file.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

_MIB = 1024**2


@dataclass(frozen=True)
class Held:
    """What an engine holds for each byte of the weights that it multiplies, and besides."""

    each: float
    fixed: int

    def bytes(self, weights: int, openings: int = 1) -> int:
        """What weights of so many bytes hold after so many openings."""
        return round(openings * (self.each * weights + self.fixed))


TORCH = Held(1.07, 10 * _MIB)
ONNXRUNTIME = {"float32": Held(1.08, 10 * _MIB), "int8": Held(1.3, 11 * _MIB)}
OPENVINO = {"bfloat16": Held(1.1, 20 * _MIB), "float32": Held(1.15, 27 * _MIB)}
# Of a token: a unigram's trie is the largest by far.
_TOKEN_BYTES = {"Unigram": 1200, "BPE": 400, "WordPiece": 320}
_MOST_TOKEN_BYTES = max(_TOKEN_BYTES.values())


def tokenizer_bytes(tokenizer: Tokenizer) -> int:
    """What the tables of a tokenizer hold, by its kind and its number of tokens."""
    kind = type(tokenizer.model).__name__
    return tokenizer.get_vocab_size() * _TOKEN_BYTES.get(kind, _MOST_TOKEN_BYTES)
