"""Measures over rows with their 95% intervals, which hold at few rows and with clustered rows.

Rows that tell of each other (one group, one text: `app.learn.data.splits.clusters`) are one
cluster, and clusters are what is independent. A measure's variance is that of the
delete-one-cluster jackknife; it says how many independent answers the rows are worth, and of so
many answers the interval is Wilson's (1927). Korn and Graubard (1998) do the same for shares in
surveys. Decision 30 says why not the percentile bootstrap; `benchmarks/intervals.py` measures how
often it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Measures = dict[str, np.ndarray]
Totals = Mapping[str, np.ndarray]
# With fewer no paired difference can be certain: the least p of a sign test of 5 pairs is 0.0625.
FEWEST_CLUSTERS = 6
FEW_CLUSTERS = 30
NORMAL_95 = 1.959964
# How much the variance of clusters of like answers counts, against one informative cluster.
_PRIOR = 0.2
# Half the 5% quantile of chi-square with 2 degrees of freedom: a bound on a Poisson mean.
_RARE = 0.051293
_CELLS = 4_000_000


@dataclass(frozen=True)
class Clusters:
    """Which rows belong together: `numbers` int64 (n,) from 0; `sizes` int64 (clusters,)."""

    numbers: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray | None, rows: int) -> Clusters:
        """The clusters of `numbers` (int (rows,)); each row by itself where that is None."""
        if numbers is None:
            return cls(np.arange(rows), np.ones(rows, dtype=np.int64))
        found, sizes = np.unique(numbers, return_inverse=True, return_counts=True)[1:]
        return cls(found, sizes)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sums of `values` (n, ...) over each cluster: float64 (clusters, ...)."""
        total = np.zeros((len(self.sizes), *values.shape[1:]))
        np.add.at(total, self.numbers, values)
        return total

    def described(self) -> dict[str, Any]:
        """JSON: how many rows and clusters there are, and a `note` where they are few."""
        rows, count = len(self.numbers), len(self.sizes)
        largest = int(self.sizes.max(initial=0))
        found = {"rows": rows, "clusters": count, "largest_cluster": largest}
        return found | {"note": few_clusters_note(rows, count)}


def few_clusters_note(rows: int, clusters: int) -> str | None:
    """What to think of scores on so few independent rows; None where they are enough."""
    if clusters >= FEW_CLUSTERS:
        return None
    independent = f"{rows} test rows"
    if clusters < rows:
        independent += f" in {clusters} clusters (rows of one group or of the same text)"
    if clusters < FEWEST_CLUSTERS:
        return (
            f"There are only {independent}: no difference between models can be certain. Give at "
            f"least {FEW_CLUSTERS} rows that are independent of each other."
        )
    return (
        f"There are only {independent}: scores are rough, and only large differences are certain. "
        f"Give at least {FEW_CLUSTERS} rows that are independent of each other."
    )


def with_intervals(
    measure: Callable[[Totals], Measures],
    statistics: Totals,
    clusters: Clusters,
    shares: Mapping[str, tuple[str, str]],
    losses: frozenset[str] = frozenset(),
) -> dict[str, dict[str, Any]]:
    """Each measure as `{"value", "low", "high"}`; bounds that cannot be found are None.

    `statistics` are what each row adds to the sums that all measures are functions of, (n,) or
    (n, m) by name; `measure` takes such sums, (k,) or (k, m), and gives each measure by name,
    (k,). `shares` names the measures that are a share, with the statistics that are its hits and
    trials; the others are in 0..1 too, except `losses`, which have no upper end. Where bounds are
    None a `reason` says why.
    """
    sums = {name: clusters.sums(values) for name, values in statistics.items()}
    totals = {name: values.sum(axis=0, keepdims=True) for name, values in sums.items()}
    values = {name: float(found[0]) for name, found in measure(totals).items()}
    found = {
        name: share_interval(sums[hits], sums[trials]) for name, (hits, trials) in shares.items()
    }
    blocks = [measure(left) for left in _left_out(sums, totals)] if len(clusters.sizes) > 1 else []
    for name, value in values.items():
        if name not in found:
            left = np.concatenate([block[name] for block in blocks]) if blocks else np.empty(0)
            of_one = loss_interval if name in losses else measure_interval
            found[name] = of_one(value, left, clusters.sizes)
    return {name: found[name] for name in values}


def share_interval(hits: np.ndarray, trials: np.ndarray) -> dict[str, Any]:
    """The interval of a share from the hits and trials of each cluster, both (clusters,).

    A cluster of one trial each is a row by itself: then the interval holds for any number of
    rows. Otherwise at least `FEWEST_CLUSTERS` are needed.
    """
    there = trials > 0
    hits, trials = hits[there], trials[there]
    count = len(trials)
    if not count:
        return {"value": 0.0} | _no_interval(0)
    value = float(hits.sum() / trials.sum())
    if count < FEWEST_CLUSTERS and not (trials == 1).all():
        return {"value": value} | _no_interval(count)
    return _bounded(value, *wilson(value, independent_answers(hits, trials)))


def independent_answers(hits: np.ndarray, trials: np.ndarray) -> float:
    """Of how many independent answers a share is worth, by the hits and trials of each cluster.

    Their number where each is a row by itself, or copies of one row; with few clusters that are
    more than that, their number too, which is the least that they can be worth.
    """
    count, value = len(trials), float(hits.sum() / trials.sum())
    alike = (trials == trials[0]).all() and np.isin(hits, (0, trials[0])).all()
    if alike or count < FEWEST_CLUSTERS:
        return float(count)
    left_out = (hits.sum() - hits) / (trials.sum() - trials)
    informative = int(min(np.count_nonzero(hits), np.count_nonzero(hits < trials)))
    return _effective_answers(value, left_out, trials, informative)


def measure_interval(value: float, left_out: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """The interval of a measure in 0..1, from its value (clusters,) without each of the clusters.

    `sizes` (clusters,) are what the clusters count. F1 of rare labels and calibration errors are
    biased on few rows: the interval around the value without that bias, by the jackknife
    (Quenouille, 1956), is part of the interval, too.
    """
    count = len(sizes)
    if count < FEWEST_CLUSTERS:
        return {"value": value} | _no_interval(count)
    # As many clusters as lie on the rarer side of the value, twice: on the other are as many.
    above, below = (left_out > value + 1e-12).sum(), (left_out < value - 1e-12).sum()
    worth = _effective_answers(value, left_out, sizes, 2 * int(min(above, below)))
    unbiased = min(1.0, max(0.0, count * value - (count - 1) * float(left_out.mean())))
    bounds = [wilson(one, worth) for one in (value, unbiased)]
    return _bounded(value, min(low for low, _ in bounds), max(high for _, high in bounds))


def loss_interval(value: float, left_out: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """The same of a measure without an upper end: Student's interval on its logarithm."""
    count = len(sizes)
    if count < FEWEST_CLUSTERS:
        return {"value": value} | _no_interval(count)
    if value <= 0:
        return _bounded(value, value, value)
    error = jackknife_variance(value, left_out) ** 0.5 / value
    spread = math.exp(student_95(effective_clusters(sizes) - 1) * error)
    return _bounded(value, value / spread, value * spread)


def jackknife_variance(value: float, left_out: np.ndarray) -> float:
    """The variance of a measure by the delete-one-cluster jackknife (Tukey, 1958)."""
    count = len(left_out)
    return float(((left_out - value) ** 2).sum() * (count - 1) / count)


def effective_clusters(sizes: np.ndarray) -> float:
    """Of how many clusters of one size these are worth: their number where all are alike."""
    return float(sizes.sum() ** 2 / (sizes.astype(np.float64) ** 2).sum())


def wilson(share: float, trials: float) -> tuple[float, float]:
    """The 95% score interval of Wilson (1927) for a share of `trials`, which may be no integer.

    Next to 0 and 1 it is a little too narrow; there the bound of a Poisson count is taken, after
    Brown, Cai and DasGupta (2001).
    """
    square = NORMAL_95**2 / trials
    centre = share + square / 2
    half = NORMAL_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    low, high = (centre - half) / (1 + square), (centre + half) / (1 + square)
    if share * trials < 1 + 1e-9:
        low = min(low, _RARE * share)
    if (1 - share) * trials < 1 + 1e-9:
        high = max(high, 1 - _RARE * (1 - share))
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def student_95(degrees: float) -> float:
    """The 97.5% quantile of Student's distribution, of at least one degree of freedom."""
    # Not `scipy.stats`, which takes half a second to import.
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1.0), 0.975))


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """`over / under`, 0 where `under` is 0."""
    return np.divide(over, under, out=np.zeros_like(over, dtype=np.float64), where=under > 0)


def f1_measures(hits: np.ndarray, guesses: np.ndarray, truths: np.ndarray) -> Measures:
    """Micro F1, precision and recall, and macro F1, each (k,).

    All three are (k, classes); macro F1 is over the classes that occur.
    """
    hit_sums, guess_sums, truth_sums = hits.sum(axis=1), guesses.sum(axis=1), truths.sum(axis=1)
    return {
        "f1": ratio(2 * hit_sums, guess_sums + truth_sums),
        "precision": ratio(hit_sums, guess_sums),
        "recall": ratio(hit_sums, truth_sums),
        "macro_f1": macro_f1(hits, guesses, truths),
    }


def macro_f1(hits: np.ndarray, guesses: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """The mean F1 (k,) of the classes that occur; all three are (k, classes)."""
    occurring = guesses + truths
    return ratio(ratio(2 * hits, occurring).sum(axis=1), np.count_nonzero(occurring, axis=1))


def _effective_answers(
    value: float, left_out: np.ndarray, sizes: np.ndarray, informative: int
) -> float:
    """Of how many independent answers a share `value` would have the variance that it has.

    A part of the variance that clusters of like answers would have is mixed in, the more the
    fewer clusters are `informative`: where one cluster alone has mistakes the variance is hardly
    known. Fewer by the square of how much wider Student's interval is than the
    normal one, for the variance is only estimated.
    """
    effective, own = effective_clusters(sizes), value * (1 - value)
    times = student_95(effective - 1) / NORMAL_95
    if own < 1e-12:
        return effective / times**2
    weight = _PRIOR / max(1, informative)
    variance = (1 - weight) * jackknife_variance(value, left_out) + weight * own / effective
    return own / variance / times**2


def _left_out(sums: Totals, totals: Totals) -> Iterator[Totals]:
    """The sums without each cluster in turn, in blocks of clusters."""
    count = len(next(iter(sums.values())))
    width = sum(math.prod(values.shape[1:]) for values in sums.values())
    block = max(1, _CELLS // max(width, 1))
    for start in range(0, count, block):
        part = slice(start, start + block)
        yield {name: totals[name] - values[part] for name, values in sums.items()}


def _bounded(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def _no_interval(clusters: int) -> dict[str, Any]:
    reason = (
        f"No interval: there are {clusters} independent clusters of rows (rows of one group or of "
        f"the same text are one), and at least {FEWEST_CLUSTERS} are needed."
    )
    return {"low": None, "high": None, "reason": reason}
