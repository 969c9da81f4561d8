"""The Q4_0 quantisation: 4 bits per weight, with one scale for each block of 32 weights."""

from __future__ import annotations

import numpy as np

BLOCK = 32
BLOCK_BYTES = 18


def dequantise(blocks: np.ndarray) -> np.ndarray:
    """The weights, float32 (32 n,), of uint8 (18 n,) bytes.

    A block is a float16 scale and 16 bytes; byte j holds weight j in its low and weight j + 16 in
    its high nibble, and a nibble q stands for (q - 8) * scale. The layout is ggml's.
    """
    rows = np.ascontiguousarray(blocks).reshape(-1, BLOCK_BYTES)
    scales = rows[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([rows[:, 2:] & 0x0F, rows[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)
