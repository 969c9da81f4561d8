"""Linear maps of both spaces into a common one, weighted by how much the languages agree."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Maps:
    """`x @ source` and `z @ target` lie in one space; both float32 (width, width)."""

    source: Tensor
    target: Tensor


def weighted_maps(source: Tensor, target: Tensor, weight: float = 0.5) -> Maps:
    """Whiten, rotate, weigh each dimension by its cross-correlation, undo the whitening.

    `source` and `target` are float32 (pairs, width), the two sides of a dictionary, with more
    pairs than dimensions. Both languages are weighted by the correlation to the power of
    `weight`: 0.5 is the symmetric re-weighting (Artetxe et al., 2018, "A robust self-learning
    method ...", after "Generalizing and improving bilingual word embedding mappings ...").
    """
    white_source, back_source = _whitening(source)
    white_target, back_target = _whitening(target)
    cross = (source @ white_source).T @ (target @ white_target)
    left, correlations, right = torch.linalg.svd(cross)
    scale = correlations.clamp(min=0) ** weight
    return Maps(
        white_source @ left * scale @ (left.T @ back_source @ left),
        white_target @ right.T * scale @ (right @ back_target @ right.T),
    )


def _whitening(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(vectors' vectors)^-1/2 and its inverse; directions without variance are left alone."""
    squares, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    lengths = squares.clamp(min=0).sqrt()
    lengths = torch.where(lengths > lengths.max() * 1e-6, lengths, torch.ones_like(lengths))
    white = directions / lengths @ directions.T
    back = directions * lengths @ directions.T
    return white.to(vectors.dtype), back.to(vectors.dtype)
