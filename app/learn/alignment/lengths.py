"""Takes normalised vectors back to where raw ones lie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Restoration:
    """How a normalised vector u becomes a raw one: `length * (mean + spread * u)`.

    `length` is a typical raw vector's; `mean` float32 (width,) and `spread` take directions of
    length 1 back to where the language's directions lie.
    """

    length: float
    mean: Tensor
    spread: float


def restoration(raw: Tensor, normal: Tensor) -> Restoration:
    """Fit it to words of one language: `raw` and their `normal` form, both (n, width).

    A classifier was trained on raw vectors, whose common mean the step `center` takes away; other
    vectors mapped into the normalised space are of no use to it until they are put back.
    """
    lengths = torch.linalg.vector_norm(raw, dim=1, keepdim=True)
    directions = raw / lengths.clamp(min=1e-9)
    about = directions - directions.mean(dim=0)
    normal_about = normal - normal.mean(dim=0)
    spread = float((about * normal_about).sum() / normal_about.square().sum().clamp(min=1e-9))
    mean = directions.mean(dim=0) - spread * normal.mean(dim=0)
    return Restoration(float(lengths.mean()), mean, spread)


def restored(normal: Tensor, raw: Tensor, how: Restoration) -> Tensor:
    """`normal` (n, width) as raw vectors of the language that `how` was fitted to.

    `raw` are the same words' own vectors before: their lengths, relative to each other, are
    kept, since they weigh the words of a text.
    """
    lengths = torch.linalg.vector_norm(raw, dim=1, keepdim=True)
    scale = how.length / lengths.mean().clamp(min=1e-9)
    return scale * lengths * (how.mean + how.spread * normal)
