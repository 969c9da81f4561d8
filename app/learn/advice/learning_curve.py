"""How accuracy grows with labelled rows, and how many more would be worth two points."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.advice.statements import give_advice, withhold_advice
from app.learn.callbacks import Monitor
from app.learn.data.splits import stratified_folds
from app.learn.intervals import Clusters

GAIN = 0.02
FURTHEST = 10  # times the rows at hand; beyond that a curve of a few points says nothing
_RESAMPLES = 1000
_BLOCK = 50
_MAX_CHI_SQUARE = 3.0  # chi-square per degree of freedom
_SIZES = 6
_EXPONENTS = np.linspace(0.1, 1.3, 49)


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
        return withhold_advice(
            f"How much further labels would help is unknown: from {sizes[0]} to {sizes[-1]} "
            "training rows the accuracy does not rise for certain.",
            **facts,
        )
    misfit = float((((law.at(sizes)[0] - errors) / spread) ** 2).sum() / max(len(sizes) - 3, 1))
    if misfit > _MAX_CHI_SQUARE:
        return withhold_advice(
            "How much further labels would help is unknown: the errors do not follow an "
            "inverse power law.",
            **facts,
        )
    return _needed(law, laws, rows, facts)


def _needed(law: PowerLaws, laws: PowerLaws, rows: int, facts: dict[str, Any]) -> dict[str, Any]:
    if law.at(rows)[0, 0] <= GAIN:
        return withhold_advice(
            f"Less than {100 * GAIN:.0f} points are left to gain: about "
            f"{1 - law.at(rows)[0, 0]:.1%} are right already.",
            **facts,
        )
    [middle] = _further(law, rows)
    low, high = np.quantile(_further(laws, rows), [0.025, 0.975], method="higher")
    limit = rows * (FURTHEST - 1)
    numbers = [_within(value, limit) for value in (middle, low, high)]
    span = f"95% interval {_format_rows(numbers[1], limit)} to {_format_rows(numbers[2], limit)}"
    if numbers[1] is None:
        return withhold_advice(
            f"{100 * GAIN:+.0f} points are out of reach of labels of this kind: they would need "
            f"more than {limit} further rows, if they can be reached at all.",
            **facts,
        )
    sentence = f"About {numbers[0]} further labelled rows are worth {100 * GAIN:+.0f} points of "
    if numbers[0] is None:
        sentence = f"It is unsure whether further labels are worth {100 * GAIN:+.0f} points of "
    sentence += f"accuracy ({span}; {rows} rows are labelled now)."
    return give_advice(
        sentence, gain=GAIN, further_rows=numbers[0], low=numbers[1], high=numbers[2], **facts
    )


def _further(laws: PowerLaws, rows: int) -> np.ndarray:
    """Rows beyond `rows` until the error has fallen by `GAIN`: float (k,), may be infinite."""
    return np.maximum(laws.rows_for(laws.at(rows)[:, 0] - GAIN) - rows, 0.0)


def _within(value: float, limit: int) -> int | None:
    """Rounded to two digits, so that it does not look exact; None beyond what the curve can say."""
    if not value <= limit:
        return None
    digits = max(len(str(int(value))) - 2, 0)
    return int(round(value, -digits))


def _format_rows(number: int | None, limit: int) -> str:
    return f"more than {limit}" if number is None else str(number)


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


def training_rows(targets: np.ndarray, clusters: np.ndarray, draws: int, seed: int) -> int:
    """How many rows `out_of_fold` trains on at most beside every fold of every draw.

    Four fifths of the rows, fewer where a cluster is larger than a fold.
    """
    largest = 0
    for draw in range(draws):
        largest = max(largest, int(np.bincount(_folds(targets, clusters, seed, draw)).max()))
    return len(targets) - largest


def curve_sizes(limit: int, classes: int) -> np.ndarray:
    """Up to six numbers of training rows, each a like factor above the last: int (sizes,).

    The least has two rows for each label on the average, the largest is `limit`.
    """
    least = max(2 * classes, round(0.06 * limit))
    return np.unique(np.geomspace(min(least, limit), limit, _SIZES).round().astype(int))


def draw_learning_curve(
    features: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    sizes: np.ndarray,
    draws: int,
    seed: int,
    until: float,
    monitor: Monitor,
) -> np.ndarray:
    """bool (draws, sizes, rows): whether a head trained on `sizes` rows answered each row.

    `features` float (n, width) of a body that never saw these labels, `targets` and `clusters`
    int (n,). Every draw cuts the rows into five folds (stratified, clusters kept whole) and orders
    the rest anew, stratified; a smaller part lies within a larger one. Fewer draws are made when
    `time.monotonic()` passes `until`; the first is always made.
    """
    scaled = _scaled(features)
    answered: list[np.ndarray] = []
    for draw in range(draws):
        if answered and time.monotonic() > until:
            break
        random = np.random.default_rng((seed, draw))
        correct = np.zeros((len(sizes), len(targets)), dtype=bool)
        folds = _folds(targets, clusters, seed, draw)
        for fold in range(folds.max() + 1):
            rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            order = rest[_stratified_order(targets[rest], random)]
            for i, size in enumerate(sizes):
                part = order[:size]
                correct[i, held] = _answers(scaled, targets, part, held) == targets[held]
            monitor.progress(
                "drawing the learning curve", (draw + (fold + 1) / (folds.max() + 1)) / draws
            )
        answered.append(correct)
    return np.stack(answered)


def _folds(targets: np.ndarray, clusters: np.ndarray, seed: int, draw: int) -> np.ndarray:
    return stratified_folds(targets, clusters, seed + draw)


def _stratified_order(targets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A random order of which every beginning has each label in about its own share."""
    place = np.empty(len(targets))
    for label in np.unique(targets):
        rows = random.permutation(np.flatnonzero(targets == label))
        place[rows] = (np.arange(len(rows)) + random.random()) / len(rows)
    return np.argsort(place, kind="stable")


def _answers(
    features: np.ndarray, targets: np.ndarray, part: np.ndarray, held: np.ndarray
) -> np.ndarray:
    if len(np.unique(targets[part])) < 2:
        return np.full(len(held), targets[part[0]])
    from sklearn.linear_model import LogisticRegression

    head = LogisticRegression(C=0.03, max_iter=200).fit(features[part], targets[part])
    answers: np.ndarray = head.predict(features[held])
    return answers


def _scaled(features: np.ndarray) -> np.ndarray:
    """Centred, of mean squared length `width`; one scale for all, which keeps their geometry."""
    centred = features - features.mean(axis=0)
    scaled: np.ndarray = centred / max(float(centred.std()), 1e-12)
    return scaled


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
        reachable = (above > 0) & (self.scale > 0)
        ratio = np.divide(self.scale, above, out=np.ones_like(above), where=reachable)
        with np.errstate(over="ignore"):
            return np.where(reachable, ratio ** (1 / self.exponent), np.inf)


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
