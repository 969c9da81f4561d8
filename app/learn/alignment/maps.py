"""Maps between spaces of word vectors: normalisation, Procrustes, RCSLS, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.csls import NEIGHBOURS, Heartbeat, nearest, no_heartbeat
from app.learn.alignment.steps import NormalisationStep


def normalised(vectors: Tensor, steps: Iterable[NormalisationStep]) -> Tensor:
    """A copy of `vectors` (float32 (n, width)) after `steps`, in their order.

    A word (or a dimension) of nothing but zeros stays as it is.
    """
    vectors = vectors.clone()
    for step in steps:
        if step is NormalisationStep.UNIT:
            vectors /= _lengths(vectors, 1)
        elif step is NormalisationStep.CENTER:
            vectors -= vectors.mean(dim=0)
        elif step is NormalisationStep.UNITDIM:
            vectors /= _lengths(vectors, 0)
        else:
            vectors -= vectors.mean(dim=1, keepdim=True)
    return vectors


def _lengths(vectors: Tensor, dimension: int) -> Tensor:
    lengths = torch.linalg.vector_norm(vectors, dim=dimension, keepdim=True)
    return torch.where(lengths > 0, lengths, torch.ones_like(lengths))


def orthogonal_map(source: Tensor, target: Tensor) -> Tensor:
    """The orthogonal W (width, width) for which `source @ W` is closest to `target`.

    Both are float32 (pairs, width), row by row the two sides of a dictionary. The solution is
    U V' of the singular value decomposition of source' target (Schönemann, 1966; for word
    vectors Smith et al., 2017, and Conneau et al., 2018).
    """
    left, _, right = torch.linalg.svd(source.T @ target)
    return left @ right


@dataclass(frozen=True)
class WeightedMaps:
    """`x @ source` and `z @ target` lie in one space; both float32 (width, width)."""

    source: Tensor
    target: Tensor


def weighted_maps(source: Tensor, target: Tensor, weight: float = 0.5) -> WeightedMaps:
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
    return WeightedMaps(
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


@dataclass(frozen=True)
class RefinedMap:
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
    heartbeat: Heartbeat = no_heartbeat,
    on_round: Callable[[int, float], None] = lambda number, loss: None,
) -> RefinedMap:
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
        loss, gradient = _loss(current, source, target, pairs, neighbours, heartbeat)
        losses.append(loss)
        on_round(number, loss)
        if loss < least:
            least, best = loss, current
        else:
            rate /= 2
        current = _shrunk(current - rate * gradient)
    return RefinedMap(best, losses)


def _loss(
    rotation: Tensor,
    source: Tensor,
    target: Tensor,
    pairs: tuple[Tensor, Tensor],
    k: int,
    heartbeat: Heartbeat,
) -> tuple[float, Tensor]:
    """The loss and its gradient (width, width); linear in the map for given neighbours."""
    some, others = pairs
    images = functional.normalize(some @ rotation, dim=1)
    near_targets = target[nearest(images, target, k, heartbeat=heartbeat)[1]].mean(dim=1)
    everyone = functional.normalize(source @ rotation, dim=1)
    near_sources = source[nearest(others, everyone, k, heartbeat=heartbeat)[1]].mean(dim=1)
    gradient = some.T @ (near_targets - 2 * others) + near_sources.T @ others
    gradient /= len(some)
    return float((gradient * rotation).sum()), gradient


def _shrunk(rotation: Tensor) -> Tensor:
    """The nearest map that lengthens no vector."""
    left, values, right = torch.linalg.svd(rotation)
    return left * values.clamp(max=1.0) @ right


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


def restored(normal: Tensor, raw: Tensor, fitted: Restoration) -> Tensor:
    """`normal` (n, width) as raw vectors of the language that `fitted` was fitted to.

    `raw` are the same words' own vectors before: their lengths, relative to each other, are
    kept, since they weigh the words of a text.
    """
    lengths = torch.linalg.vector_norm(raw, dim=1, keepdim=True)
    scale = fitted.length / lengths.mean().clamp(min=1e-9)
    return scale * lengths * (fitted.mean + fitted.spread * normal)
