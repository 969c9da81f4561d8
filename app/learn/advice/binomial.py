"""Exact bounds on a share of rows (Clopper and Pearson, 1934)."""

from __future__ import annotations

# Not `scipy.stats`, which takes half a second to import.
from scipy.special import betaincinv


def lower_bound(hits: float, rows: float, confidence: float) -> float:
    """The share that is not undercut with one-sided `confidence`; 0 without hits or rows.

    Neither need be an integer: clustered rows are worth any number of independent ones.
    """
    return float(betaincinv(hits, rows - hits + 1, 1 - confidence)) if hits else 0.0


def upper_bound(hits: int, rows: int, confidence: float) -> float:
    """The share that is not exceeded with one-sided `confidence`; 1 where all rows are hits."""
    return float(betaincinv(hits + 1, rows - hits, confidence)) if hits < rows else 1.0


def share(hits: int, rows: int) -> dict[str, float]:
    """`value`, `low` and `high` of a share of at least one row, with 95% confidence."""
    low, high = lower_bound(hits, rows, 0.975), upper_bound(hits, rows, 0.975)
    return {"value": hits / rows, "low": low, "high": high}
