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

    Ridge regression with an intercept (Hoerl & Kennard, 1970), in float64. The strength is chosen
    by cross-validation; rows of one group (int64 (n,)), such as a sentence and its translation,
    are in the same fold, and `loss` looks at `judged` rows (bool (n,); None means all). A `rank`
    below both widths keeps the directions of most predicted variance (reduced-rank regression;
    Izenman, 1975).

    Rows of one group tell the same about `y`, and n groups span n - 1 dimensions around their
    mean: raises `TooFewRowsForMap` unless there are more groups than the map's rank.
    """
    widest = min(x.shape[1], y.shape[1])
    rank = min(rank or widest, widest)
    distinct = len(torch.unique(groups))
    if distinct <= rank:
        raise TooFewRowsForMap(distinct, rank)
    x, y = x.double(), y.double()
    judged = torch.ones(len(x), dtype=torch.bool) if judged is None else judged
    parts = [_Part(x, y, out, judged) for out in _folds(groups, folds)]
    truth, losses = y[judged].float(), {}
    for tried in STRENGTHS if strength is None else (strength,):
        losses[tried] = float(loss(_held_out(parts, y, judged, tried, rank), truth))
    chosen = min(losses, key=losses.__getitem__)
    weight, bias = _Solver(x, y).solve(chosen, rank)
    held_out = _held_out(parts, y, judged, chosen, rank)
    return RidgeMap(weight.float(), bias.float(), chosen, rank, losses, held_out)


def _held_out(parts: list[_Part], y: Tensor, judged: Tensor, strength: float, rank: int) -> Tensor:
    predicted = torch.empty_like(y)
    for part in parts:
        predicted[part.rows] = part.predict(strength, rank)
    return predicted[judged].float()


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

    def along(self, x: Tensor) -> Tensor:
        """The coordinates of `x`, (n, in), by which `predict` predicts."""
        return (x - self._mean_x) @ self._vectors

    def predict(self, along: Tensor, strength: float) -> Tensor:
        """What the map of full rank says: (n, out)."""
        return along @ (self._cross / self._shrunk(strength)) + self._mean_y

    def solve(self, strength: float, rank: int) -> tuple[Tensor, Tensor]:
        """Weight (out, in) and bias (out,), float64."""
        weight = (self._vectors @ (self._cross / self._shrunk(strength))).T
        if rank < min(weight.shape):
            directions = torch.linalg.svd(self._x @ weight.T, full_matrices=False).Vh[:rank]
            weight = directions.T @ (directions @ weight)
        return weight, self._mean_y - weight @ self._mean_x

    def _shrunk(self, strength: float) -> Tensor:
        return (self._values.clamp(min=0) + strength * self._variance).unsqueeze(1)


class _Part:
    """One fold: the map fitted without its rows, for the judged ones among them."""

    def __init__(self, x: Tensor, y: Tensor, out: Tensor, judged: Tensor) -> None:
        self.rows = out & judged
        self._x = x[self.rows]
        self._full = min(x.shape[1], y.shape[1])
        self._solver = _Solver(x[~out], y[~out])
        self._along = self._solver.along(self._x)

    def predict(self, strength: float, rank: int) -> Tensor:
        """What the map of `rank` says of the rows: (k, out)."""
        if rank == self._full:
            return self._solver.predict(self._along, strength)
        weight, bias = self._solver.solve(strength, rank)
        return self._x @ weight.T + bias
