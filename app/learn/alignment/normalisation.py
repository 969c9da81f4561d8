"""Steps that make two spaces of word vectors comparable, under the names of the literature."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from app.learn.alignment.steps import Step


def normalised(vectors: Tensor, steps: Iterable[Step]) -> Tensor:
    """A copy of `vectors` (float32 (n, width)) after `steps`, in their order.

    A word (or a dimension) of nothing but zeros stays as it is.
    """
    vectors = vectors.clone()
    for step in steps:
        if step is Step.UNIT:
            vectors /= _lengths(vectors, 1)
        elif step is Step.CENTER:
            vectors -= vectors.mean(dim=0)
        elif step is Step.UNITDIM:
            vectors /= _lengths(vectors, 0)
        else:
            vectors -= vectors.mean(dim=1, keepdim=True)
    return vectors


def _lengths(vectors: Tensor, dimension: int) -> Tensor:
    lengths = torch.linalg.vector_norm(vectors, dim=dimension, keepdim=True)
    return torch.where(lengths > 0, lengths, torch.ones_like(lengths))
