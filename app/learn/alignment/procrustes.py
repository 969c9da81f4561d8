"""The rotation that takes one set of vectors closest to another."""

from __future__ import annotations

import torch
from torch import Tensor


def orthogonal_map(source: Tensor, target: Tensor) -> Tensor:
    """The orthogonal W (width, width) for which `source @ W` is closest to `target`.

    Both are float32 (pairs, width), row by row the two sides of a dictionary. The solution is
    U V' of the singular value decomposition of source' target (Schönemann, 1966; for word
    vectors Smith et al., 2017, and Conneau et al., 2018).
    """
    left, _, right = torch.linalg.svd(source.T @ target)
    return left @ right
