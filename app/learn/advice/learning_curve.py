"""How accuracy grows with labelled rows, and how many more would be worth two points."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.advice.power_law import PowerLaws, fit_power_laws
from app.learn.advice.statements import told, untold
from app.learn.intervals import Clusters

GAIN = 0.02
FURTHEST = 10  # times the rows at hand; beyond that a curve of a few points says nothing
_RESAMPLES = 1000
_BLOCK = 50
_WORST_FIT = 3.0  # chi-square per degree of freedom


def advise_on_labels(
    correct: np.ndarray, sizes: np.ndarray, seed: int, clusters: np.ndarray | None = None
) -> dict[str, Any]:
    """How many labelled rows beyond those at hand would raise accuracy by `GAIN`, and how surely.

    `correct`: bool (draws, sizes, rows), whether a head trained on `sizes` (int (sizes,)) rows,
    drawn anew for each draw, answered a row that it was not trained on. An inverse power law is
    fitted to the mean error by size. The 95% interval is the percentile bootstrap over draws and
    `clusters` (int (rows,)) of rows, each row by itself unless given; a law that never gets
    there counts as infinitely many rows. Nothing is said beyond `FURTHEST` times the rows at hand.
    """
    rows, parts = correct.shape[2], Clusters.of(clusters, correct.shape[2])
    drawn = _resampled_errors(correct, parts, np.random.default_rng(seed))
    errors = 1.0 - correct.mean(axis=(0, 2))
    spread = np.maximum(drawn.std(axis=0), 1e-4)
    weights = spread**-2
    law = fit_power_laws(sizes, errors[None], weights)
    laws = fit_power_laws(sizes, drawn, weights)
    facts = {"rows": rows, "curve": _curve(sizes, errors, drawn), "law": _described(law, rows)}
    gained = drawn[:, 0] - drawn[:, -1]
    if np.quantile(gained, 0.05) <= 0:
        return untold(
            f"How much further labels would help cannot be told: from {sizes[0]} to {sizes[-1]} "
            "training rows the accuracy does not rise for certain.",
            **facts,
        )
    misfit = float((((law.at(sizes)[0] - errors) / spread) ** 2).sum() / max(len(sizes) - 3, 1))
    if misfit > _WORST_FIT:
        return untold(
            "How much further labels would help cannot be told: the errors do not follow an "
            "inverse power law.",
            **facts,
        )
    return _needed(law, laws, rows, facts)


def _needed(law: PowerLaws, laws: PowerLaws, rows: int, facts: dict[str, Any]) -> dict[str, Any]:
    if law.at(rows)[0, 0] <= GAIN:
        return untold(
            f"Less than {100 * GAIN:.0f} points are left to gain: about "
            f"{1 - law.at(rows)[0, 0]:.1%} are right already.",
            **facts,
        )
    [middle] = _further(law, rows)
    low, high = np.quantile(_further(laws, rows), [0.025, 0.975], method="higher")
    most = rows * (FURTHEST - 1)
    numbers = [_within(value, most) for value in (middle, low, high)]
    span = f"95% interval {_said(numbers[1], most)} to {_said(numbers[2], most)}"
    if numbers[1] is None:
        return untold(
            f"{100 * GAIN:+.0f} points are out of reach of labels of this kind: they would need "
            f"more than {most} further rows, if they can be reached at all.",
            **facts,
        )
    sentence = f"About {numbers[0]} further labelled rows are worth {100 * GAIN:+.0f} points of "
    if numbers[0] is None:
        sentence = f"It is unsure whether further labels are worth {100 * GAIN:+.0f} points of "
    sentence += f"accuracy ({span}; {rows} rows are labelled now)."
    return told(
        sentence, gain=GAIN, further_rows=numbers[0], low=numbers[1], high=numbers[2], **facts
    )


def _further(laws: PowerLaws, rows: int) -> np.ndarray:
    """Rows beyond `rows` until the error has fallen by `GAIN`: float (k,), may be infinite."""
    return np.maximum(laws.rows_for(laws.at(rows)[:, 0] - GAIN) - rows, 0.0)


def _within(value: float, most: int) -> int | None:
    """Rounded to two digits, so that nobody takes it for exact; None beyond what can be told."""
    if not value <= most:
        return None
    digits = max(len(str(int(value))) - 2, 0)
    return int(round(value, -digits))


def _said(number: int | None, most: int) -> str:
    return f"more than {most}" if number is None else str(number)


def _resampled_errors(
    correct: np.ndarray, parts: Clusters, random: np.random.Generator
) -> np.ndarray:
    """Mean errors (resamples, sizes) over drawn clusters, and draws drawn anew for each size."""
    draws, sizes, _ = correct.shape
    wrong = np.moveaxis(parts.sums(np.moveaxis(~correct, 2, 0)), 0, 2).astype(np.float32)
    count = len(parts.sizes)
    found = np.empty((_RESAMPLES, sizes))
    for start in range(0, _RESAMPLES, _BLOCK):
        often = random.multinomial(count, np.full(count, 1 / count), size=_BLOCK)
        often = often / (often @ parts.sizes)[:, None]
        by_draw = np.einsum("br,dsr->bds", often, wrong)
        chosen = random.multinomial(draws, np.full(draws, 1 / draws), size=(_BLOCK, sizes)) / draws
        found[start : start + _BLOCK] = np.einsum("bds,bsd->bs", by_draw, chosen)
    return found


def _curve(sizes: np.ndarray, errors: np.ndarray, drawn: np.ndarray) -> list[dict[str, float]]:
    low, high = np.quantile(1.0 - drawn, [0.025, 0.975], axis=0)
    return [
        {"rows": int(n), "accuracy": _rounded(1 - e), "low": _rounded(a), "high": _rounded(b)}
        for n, e, a, b in zip(sizes, errors, low, high, strict=True)
    ]


def _described(law: PowerLaws, rows: int) -> dict[str, float]:
    return {
        "floor": _rounded(law.floor[0]),
        "scale": _rounded(law.scale[0]),
        "exponent": _rounded(law.exponent[0]),
        "accuracy_now": _rounded(1 - law.at(rows)[0, 0]),
    }


def _rounded(number: float) -> float:
    return round(float(number), 4)
