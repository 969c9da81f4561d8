"""How the error falls with the number of training rows, as an inverse power law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_EXPONENTS = np.linspace(0.1, 1.3, 49)


@dataclass(frozen=True)
class PowerLaws:
    """error(n) = floor + scale * n ** -exponent, one law for each of k curves: float (k,)."""

    floor: np.ndarray
    scale: np.ndarray
    exponent: np.ndarray

    def at(self, rows: np.ndarray | float) -> np.ndarray:
        """The error after training on `rows`, a number or (m,): float (k, m)."""
        sizes = np.atleast_1d(np.asarray(rows, dtype=np.float64))
        fallen = sizes ** -self.exponent[:, None]
        errors: np.ndarray = self.floor[:, None] + self.scale[:, None] * fallen
        return errors

    def rows_for(self, error: np.ndarray) -> np.ndarray:
        """How many rows bring the error down to `error` (k,): float (k,), infinite if none do."""
        above = error - self.floor
        reached = (above > 0) & (self.scale > 0)
        ratio = np.divide(self.scale, above, out=np.ones_like(above), where=reached)
        with np.errstate(over="ignore"):
            return np.where(reached, ratio ** (1 / self.exponent), np.inf)


def fit_power_laws(sizes: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> PowerLaws:
    """The law of least weighted squares for each curve.

    `sizes` (s,) training rows, `errors` (k, s), `weights` (s,). Floor and scale are not negative
    and follow in closed form from the exponent, which is searched from 0.1 to 1.3: the range of
    Hestness et al. (2017) and of linear heads. Figueroa et al. (2012) extrapolate so.
    """
    best = np.full(len(errors), np.inf)
    floor, scale, exponent = (np.zeros(len(errors)) for _ in range(3))
    for candidate in _EXPONENTS:
        fallen = sizes.astype(np.float64) ** -candidate
        c, a = _line(fallen, errors, weights)
        loss = ((errors - c[:, None] - a[:, None] * fallen) ** 2 * weights).sum(axis=1)
        better = loss < best
        best[better], exponent[better] = loss[better], candidate
        floor[better], scale[better] = c[better], a[better]
    return PowerLaws(floor, scale, exponent)


def _line(x: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercepts and slopes (k,) of weighted least squares, neither below zero."""
    share = weights / weights.sum()
    middle, height = share @ x, errors @ share
    slope = ((errors - height[:, None]) * (x - middle)) @ share / (share @ (x - middle) ** 2)
    intercept = height - slope * middle
    through_zero = (errors * x) @ share / (share @ x**2)
    slope = np.where(intercept < 0, through_zero, slope)
    intercept = np.maximum(intercept, 0.0)
    intercept = np.where(slope < 0, height, intercept)
    return intercept, np.maximum(slope, 0.0)
