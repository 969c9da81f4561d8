"""How often the product's 95% intervals hold the truth, at few rows and with grouped rows.

    python -m benchmarks.intervals [--draws 100]

Nothing is downloaded: answers are drawn. Accuracies lie evenly from 0.5 to 1. For independent rows
the coverage of an accuracy is computed exactly, from the interval of every possible count of right
answers; for groups rows are drawn, of which any two of a group agree with a given correlation, in
two ways (a beta-distributed accuracy of each group; rows that copy one answer of their group). The
functions measured are those that the product calls: `share_interval`, `score`, `score_tags`,
`score_label_sets`, `paired_difference`. The baseline is what it called before: the percentile
bootstrap over rows, for shares by its exact distribution.

`mean_accuracy` is the interval of the other benchmarks, over seeds on one set of test rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.progress import track
from scipy import stats

from app.learn.comparison import paired_difference
from app.learn.intervals import share_interval
from app.learn.tasks.multi_label import score_label_sets
from app.learn.tasks.single_label import score_labels
from app.learn.tasks.tagging import TagScheme, score_tags
from benchmarks.record import record

RESAMPLES = 2000
ROWS = (5, 20, 100, 1000)
CLUSTERS = (20, 30, 100)
CORRELATIONS = (0.0, 0.1, 0.3, 0.6, 1.0)
SIZES = {"10 each": (10,), "5 to 20": (5, 8, 10, 12, 20)}
PAIRED = ((6, 1), (20, 1), (100, 1), (30, 10))
Draw = Callable[[np.random.Generator, int], dict[str, dict[str, Any]]]


def mean_accuracy(correct: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Mean accuracy of several seeds with a 95% percentile bootstrap over rows and seeds.

    `correct`: bool (seeds, rows). Rows and seeds are both drawn with replacement, so that the
    interval covers other test rows as well as other samples and initialisations.
    """
    seeds, rows = correct.shape
    random = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        some = correct[random.integers(0, seeds, seeds)]
        means[i] = some[:, random.integers(0, rows, rows)].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "value": float(correct.mean()),
        "low": float(low),
        "high": float(high),
        "sd": float(correct.mean(axis=1).std(ddof=1)) if seeds > 1 else 0.0,
    }


def main() -> None:
    """Draw, count, and write `results/intervals.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100, help="of each accuracy")
    draws, started = parser.parse_args().draws, time.monotonic()
    cells = [
        (clusters, sizes, model, alike)
        for clusters in CLUSTERS
        for sizes in SIZES
        for model in ("beta", "copies")
        for alike in CORRELATIONS
        if model == "beta" or alike not in (0.0, 1.0)  # where both are the same
    ]
    measured = {
        "draws": draws,
        "independent": [_independent(rows) for rows in ROWS],
        "grouped": [_grouped(*cell, draws) for cell in track(cells, "groups")],
        "measures": [
            one
            for name, draw in track(_MEASURES.items(), "measures")
            for one in _measures(name, draw, 2 * draws)
        ],
        "paired": [_paired(*cell, 5 * draws) for cell in track(PAIRED, "pairs")],
    }
    record("intervals", {"seconds": round(time.monotonic() - started), **measured})


def _independent(rows: int) -> dict[str, Any]:
    """Exact coverage over 1,000 accuracies."""
    accuracies = np.linspace(0.5, 1.0, 1001)[:-1] + 0.00025
    right = np.arange(rows + 1)
    each = [share_interval((np.arange(rows) < k).astype(float), np.ones(rows)) for k in right]
    chance = stats.binom.pmf(right, rows, accuracies[:, None])
    ours = np.array([[one["low"], one["high"]] for one in each]).T
    before = np.stack([stats.binom.ppf(q, rows, right / rows) / rows for q in (0.025, 0.975)])
    return {
        "rows": rows,
        "width": float((chance * (ours[1] - ours[0])).sum(axis=1).mean()),
        **_held((chance * _inside(*ours, accuracies[:, None])).sum(axis=1), accuracies),
        "bootstrap": _held(
            (chance * _inside(*before, accuracies[:, None])).sum(axis=1), accuracies
        ),
    }


def _grouped(clusters: int, sizes: str, model: str, alike: float, draws: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    accuracies = np.linspace(0.5, 1.0, 41)[:-1] + 0.00625
    trials = np.resize(np.array(SIZES[sizes], dtype=float), clusters)
    rows = int(trials.sum())
    ours, before = np.zeros(len(accuracies)), np.zeros(len(accuracies))
    for place, accuracy in enumerate(accuracies):
        shares = np.zeros(draws)
        for draw in range(draws):
            hits = _drawn(random, accuracy, trials.astype(int), model, alike)
            found = share_interval(hits.astype(float), trials)
            ours[place] += found["low"] <= accuracy <= found["high"]
            shares[draw] = hits.sum() / rows
        low, high = (stats.binom.ppf(end, rows, shares) / rows for end in (0.025, 0.975))
        before[place] = _inside(low, high, np.array(accuracy)).sum()
    return {
        **{"clusters": clusters, "sizes": sizes, "drawn": model, "correlation": alike},
        **_held(ours / draws, accuracies),
        "bootstrap": _held(before / draws, accuracies),
    }


def _drawn(
    random: np.random.Generator, accuracy: float, trials: np.ndarray, model: str, alike: float
) -> np.ndarray:
    """Right answers of each group, int (groups,)."""
    if alike == 0:
        return random.binomial(trials, accuracy)
    whole = random.random(len(trials)) < accuracy
    if alike == 1:
        return whole * trials
    if model == "copies":
        copied = random.binomial(trials, alike**0.5)
        return copied * whole + random.binomial(trials - copied, accuracy)
    strength = (1 - alike) / alike
    own = random.beta(accuracy * strength, (1 - accuracy) * strength, len(trials))
    return random.binomial(trials, own)


def _inside(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    # The ends of the bootstrap are the very shares that the truth may be.
    inside: np.ndarray = (low - 1e-12 <= truth) & (truth <= high + 1e-12)
    return inside


def _held(coverage: np.ndarray, accuracies: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(coverage.mean()),
        "least": float(coverage.min()),
        "least_at": float(accuracies[coverage.argmin()]),
    }


def _measures(name: str, draw: Draw, draws: int) -> list[dict[str, Any]]:
    """Coverage of every measure of one task, the truth being that of 50,000 rows."""
    truth = {
        key: one["value"]
        for key, one in draw(np.random.default_rng(1), 50_000).items()
        if isinstance(one, dict) and "value" in one
    }
    found = []
    for rows in ROWS[1:]:
        random = np.random.default_rng(2)
        held = dict.fromkeys(truth, 0)
        for _ in range(draws):
            scores = draw(random, rows)
            for key, true in truth.items():
                held[key] += bool(scores[key]["low"] <= true <= scores[key]["high"])
        found.append({"task": name, "rows": rows, **{k: n / draws for k, n in held.items()}})
    return found


def _one_label(random: np.random.Generator, rows: int) -> dict[str, Any]:
    """Five labels from 40% to 5%; seven of ten answers are right, the others confused evenly."""
    targets = random.choice(5, rows, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    said = np.where(random.random(rows) < 0.7, targets, random.integers(0, 5, rows))
    sure = random.uniform(0.4, 1.0, rows)
    probabilities = np.repeat((1 - sure)[:, None] / 4, 5, axis=1)
    probabilities[np.arange(rows), said] = sure
    return score_labels(probabilities, targets, tuple("abcde"))


def _label_sets(random: np.random.Generator, rows: int) -> dict[str, Any]:
    """Four labels of unlike frequency; nine of ten single decisions are right."""
    targets = random.random((rows, 4)) < [0.5, 0.3, 0.2, 0.1]
    said = targets ^ (random.random((rows, 4)) < 0.1)
    losses = np.where(said == targets, 0.2, 1.5).mean(axis=1)
    return score_label_sets(tuple("abcd"), said.astype(np.float32), said, targets, losses)


def _tags(random: np.random.Generator, rows: int) -> dict[str, Any]:
    """Sentences of ten words and two types of entities; some sentences are harder than others."""
    targets = random.choice(3, (rows, 10), p=[0.8, 0.12, 0.08])
    wrong = random.random((rows, 10)) < random.beta(1, 6, rows)[:, None]
    said = np.where(wrong, random.integers(0, 3, (rows, 10)), targets)
    probabilities = np.where(np.arange(3) == said[..., None], 0.8, 0.1)
    return score_tags(TagScheme(("O", "B-X", "B-Y")), probabilities, targets)


_MEASURES: dict[str, Draw] = {
    "one label": _one_label,
    "sets of labels": _label_sets,
    "tags": _tags,
}


def _paired(groups: int, size: int, draws: int) -> dict[str, Any]:
    """How often a difference that is none is called a win, and one of 20 points is held and won."""
    random = np.random.default_rng(3)
    numbers = np.repeat(np.arange(groups), size)
    targets = np.zeros(groups * size, dtype=np.int64)
    found = {"groups": groups, "rows_each": size}
    for name, gain in (("none", 0.0), ("twenty_points", 0.2)):
        held = won = before = 0
        for _ in range(draws):
            ours, theirs = _two_models(random, groups, gain)
            sides = [_answers(side[numbers]) for side in (ours, theirs)]
            one = paired_difference(*sides, targets, clusters=numbers)
            held += one["low"] <= gain <= one["high"]
            won += one["low"] > 0
            before += _bootstrap_says_better(random, ours[numbers], theirs[numbers])
        found[name] = {
            "held": held / draws,
            "won": won / draws,
            "won_by_bootstrap": before / draws,
        }
    return found


def _two_models(
    random: np.random.Generator, groups: int, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each is right on each group: 60% and 60% + `gain`, by luck partly the same."""
    same, luck = random.random(groups) < 0.5, random.random((3, groups))
    ours = np.where(same, luck[0], luck[1]) < 0.6 + gain
    return ours, np.where(same, luck[0], luck[2]) < 0.6


def _answers(right: np.ndarray) -> np.ndarray:
    return np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])


def _bootstrap_says_better(
    random: np.random.Generator, ours: np.ndarray, theirs: np.ndarray
) -> bool:
    gap = ours.astype(int) - theirs
    shares = np.array([(gap == one).mean() for one in (1, -1, 0)])
    counts = random.multinomial(len(gap), shares, size=500)
    return bool(np.percentile(counts[:, 0] - counts[:, 1], 2.5) > 0)


if __name__ == "__main__":
    main()
