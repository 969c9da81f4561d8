"""A map that is good for retrieval itself: relaxed CSLS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.retrieval import NEIGHBOURS, Beat, nearest, silent


@dataclass(frozen=True)
class Refined:
    """The best map seen, and the loss of every round (it falls)."""

    map: Tensor
    losses: list[float]


def refine_rcsls(
    source: Tensor,
    target: Tensor,
    dictionary: tuple[Tensor, Tensor],
    start: Tensor,
    rounds: int = 10,
    neighbours: int = NEIGHBOURS,
    rate: float = 1.0,
    beat: Beat = silent,
    on_round: Callable[[int, float], None] = lambda number, loss: None,
) -> Refined:
    """Go down the gradient of the relaxed CSLS loss from `start` (width, width).

    For pairs (x, z) of the dictionary the loss is the mean of -2 xWz plus the mean of xWz' over
    the nearest z' of xW, plus the mean of x'Wz over the x' whose images are nearest to z
    (Joulin et al., 2018, "Loss in translation: learning bilingual word mapping with a retrieval
    criterion"). Singular values are kept to 1 at most, and the step is halved whenever the loss
    rose. `source` (n, width) and `target` (m, width) are normalised to length 1.
    """
    pairs = source[dictionary[0]], target[dictionary[1]]
    current, best, least = start, start, float("inf")
    losses: list[float] = []
    for number in range(1, rounds + 1):
        loss, gradient = _loss(current, source, target, pairs, neighbours, beat)
        losses.append(loss)
        on_round(number, loss)
        if loss < least:
            least, best = loss, current
        else:
            rate /= 2
        current = _shrunk(current - rate * gradient)
    return Refined(best, losses)


def _loss(
    rotation: Tensor,
    source: Tensor,
    target: Tensor,
    pairs: tuple[Tensor, Tensor],
    k: int,
    beat: Beat,
) -> tuple[float, Tensor]:
    """The loss and its gradient (width, width); linear in the map for given neighbours."""
    some, others = pairs
    images = functional.normalize(some @ rotation, dim=1)
    near_targets = target[nearest(images, target, k, beat=beat)[1]].mean(dim=1)
    everyone = functional.normalize(source @ rotation, dim=1)
    near_sources = source[nearest(others, everyone, k, beat=beat)[1]].mean(dim=1)
    gradient = some.T @ (near_targets - 2 * others) + near_sources.T @ others
    gradient /= len(some)
    return float((gradient * rotation).sum()), gradient


def _shrunk(rotation: Tensor) -> Tensor:
    """The nearest map that lengthens no vector."""
    left, values, right = torch.linalg.svd(rotation)
    return left * values.clamp(max=1.0) @ right
