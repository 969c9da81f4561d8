"""A linear map between two spaces of vectors by ridge regression, its strength cross-validated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from app.domain.errors.bridging import TooFewRowsForMap

# Multiples of the inputs' mean variance per row: from hardly any ridge to hardly any map.
STRENGTHS = tuple(10.0 ** (k / 3) for k in range(-12, 7))

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class RidgeMap:
    """`x @ weight.T + bias`: `weight` float32 (out, in), `bias` float32 (out,).

    `strength` is the ridge as a multiple of the inputs' mean variance, and `losses` has the
    cross-validated loss of each strength tried. `held_out`, float32 (judged rows, out), is what
    the map says of each row when it is fitted on the other folds.
    """

    weight: Tensor
    bias: Tensor
    strength: float
    rank: int
    losses: dict[float, float]
    held_out: Tensor


def squared_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared distance of the rows: float (), for float (n, out) both."""
    return (predicted - truth).square().sum(dim=1).mean()


def fit_ridge(
    x: Tensor,
    y: Tensor,
    groups: Tensor,
    judged: Tensor | None = None,
    loss: Loss = squared_error,
    rank: int | None = None,
    strength: float | None = None,
    folds: int = 5,
) -> RidgeMap:
    """The map of float (n, in) `x` onto float (n, out) `y` that `loss` likes best on rows left out.

    Ridge regression with an intercept (Hoerl & Kennard, 1970), in closed form, in float64. The
    strength is chosen by cross-validation over `folds`; rows of one group (int64 (n,)), such as
    a sentence and its translation, are in the same fold. Only `judged` rows, bool (n,), are looked
    at by `loss`; None means all. A `rank` below both widths keeps the
    directions of most predicted variance (reduced-rank regression; Izenman, 1975).

    Rows of one group tell the same about `y`, and n groups span n - 1 dimensions around their
    mean: raises `TooFewRowsForMap` unless there are more groups than the map's rank.
    """
    widest = min(x.shape[1], y.shape[1])
    rank = min(rank or widest, widest)
    distinct = len(torch.unique(groups))
    if distinct <= rank:
        raise TooFewRowsForMap(distinct, rank)
    x, y = x.double(), y.double()
    parts = [(out, _Solver(x[~out], y[~out])) for out in _folds(groups, folds)]
    losses: dict[float, float] = {}
    judged = torch.ones(len(x), dtype=torch.bool) if judged is None else judged
    for tried in (strength,) if strength is not None else STRENGTHS:
        losses[tried] = float(loss(_held_out(x, y, parts, tried, rank)[judged], y[judged].float()))
    chosen = min(losses, key=losses.__getitem__)
    weight, bias = _Solver(x, y).solve(chosen, rank)
    held_out = _held_out(x, y, parts, chosen, rank)[judged]
    return RidgeMap(weight.float(), bias.float(), chosen, rank, losses, held_out)


def _held_out(
    x: Tensor, y: Tensor, parts: list[tuple[Tensor, _Solver]], strength: float, rank: int
) -> Tensor:
    predicted = torch.empty_like(y)
    for out, solver in parts:
        weight, bias = solver.solve(strength, rank)
        predicted[out] = x[out] @ weight.T + bias
    return predicted.float()


def _folds(groups: Tensor, folds: int) -> list[Tensor]:
    """Bool (n,) masks of the rows left out; groups are dealt out in a fixed random order."""
    names, number = torch.unique(groups, return_inverse=True)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
    fold = (torch.arange(len(names)) % folds)[torch.argsort(order)][number]
    return [fold == k for k in range(min(folds, len(names)))]


class _Solver:
    """One decomposition of the inputs' covariance, from which every strength is solved."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self._mean_x, self._mean_y = x.mean(dim=0), y.mean(dim=0)
        self._x = x - self._mean_x
        self._values, self._vectors = torch.linalg.eigh(self._x.T @ self._x)
        self._cross = self._vectors.T @ (self._x.T @ (y - self._mean_y))
        self._variance = float(self._values.clamp(min=0).mean()) or 1.0

    def solve(self, strength: float, rank: int) -> tuple[Tensor, Tensor]:
        """Weight (out, in) and bias (out,), float64."""
        shrunk = self._values.clamp(min=0) + strength * self._variance
        weight = (self._vectors @ (self._cross / shrunk.unsqueeze(1))).T
        if rank < min(weight.shape):
            directions = torch.linalg.svd(self._x @ weight.T, full_matrices=False).Vh[:rank]
            weight = directions.T @ (directions @ weight)
        return weight, self._mean_y - weight @ self._mean_x
