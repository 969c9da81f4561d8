"""Whether the methods for few labels are good enough, and by how much they are or are not.

Intervals are 95% bootstrap intervals that draw sentences, which are the same in every language.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

REGRESSION = "tuned regression"
_LABELLED = ("self-train", "joint", "fine-tune", "linear-probe", "head")
SINGLE = (*_LABELLED, "bridge", "self-train, no labels")
_LAST = "self-train"  # the one that does without labels as well
RESAMPLES = 2000
Line = dict[str, Any]
Wanted = tuple[str, float, float]  # what, the figure, the limit that it must reach


def verdict(lines: list[Line], labels: int) -> dict[str, Any]:
    """Means over languages and samples with intervals, and a line for each thing wanted.

    `lines` are those that the benchmark writes; `labels` is the number that spreads are compared
    at.
    """
    spreads = list(dict.fromkeys(line["spread"] for line in lines))
    of_spread = {
        spread: Accuracies([x for x in lines if (x["spread"], x["labels"]) == (spread, labels)])
        for spread in spreads
    }
    budgets = sorted({line["labels"] for line in lines})
    of_budget = {
        budget: Accuracies([x for x in lines if (x["spread"], x["labels"]) == ("par", budget)])
        for budget in budgets
    }
    wanted = [
        *(
            w
            for spread, found in of_spread.items()
            if {"auto", REGRESSION} <= set(found.methods)
            for w in _of_spread(spread, found)
        ),
        *_more_rows(of_budget),
    ]
    told = [
        f"{'met' if found >= limit else 'MISSED'}: {what}: {found:+.1f} (wanted {limit:+.1f})"
        for what, found, limit in wanted
    ]
    return {
        "spreads": {spread: found.summary() for spread, found in of_spread.items()},
        "budgets": {str(budget): found.summary() for budget, found in of_budget.items()},
        "languages": {spread: found.languages() for spread, found in of_spread.items()},
        "chosen": {spread: found.chosen for spread, found in of_spread.items()},
        "lines": told,
    }


class Accuracies:
    """Right and wrong answers by method; their means are resampled by sentence."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.methods = list(dict.fromkeys(name for line in lines for name in line["right"]))
        names = sorted({id for line in lines for id in line["ids"]})
        place = {id: i for i, id in enumerate(names)}
        draw = np.random.default_rng(0)
        size = len(names)
        self._counts = draw.multinomial(size, np.full(size, 1 / size), RESAMPLES)
        self._places = [np.array([place[id] for id in line["ids"]]) for line in lines]
        chosen = [line["chosen"] for line in lines if line["chosen"]]
        self.chosen = {name: chosen.count(name) for name in sorted(set(chosen))}

    def mean(self, of: Callable[[Line], np.ndarray], language: str = "") -> dict[str, float]:
        """Of a number for each answer, such as right minus right: in points, with its interval."""
        values, resampled = [], []
        for line, places in zip(self.lines, self._places, strict=True):
            if language in ("", line["language"]):
                numbers, counts = of(line), self._counts[:, places]
                values.append(float(numbers.mean()))
                resampled.append(counts @ numbers / np.maximum(counts.sum(axis=1), 1))
        low, high = np.quantile(np.mean(resampled, axis=0), [0.025, 0.975])
        return {"value": float(np.mean(values)), "low": float(low), "high": float(high)}

    def less(self, one: str, other: str, language: str = "") -> dict[str, float]:
        """The paired difference of two methods."""
        return self.mean(lambda line: _right(line, one) - _right(line, other), language)

    def summary(self) -> dict[str, Any]:
        """Accuracy and seconds of every method."""
        return {
            name: self.mean(lambda line, name=name: _right(line, name)) | self._seconds(name)
            for name in self.methods
        }

    def languages(self) -> dict[str, dict[str, dict[str, float]]]:
        """By language, accuracy of what matters, and how far `auto` is from zero-shot."""
        names = [line["language"] for line in self.lines]
        shown = [x for x in ("zero-shot", REGRESSION, "self-train", "auto") if x in self.methods]
        return {
            language: {x: self.mean(lambda line, x=x: _right(line, x), language) for x in shown}
            | {"auto - zero-shot": self.less(shown[-1], "zero-shot", language)}
            for language in dict.fromkeys(names)
        }

    def _seconds(self, name: str) -> dict[str, float]:
        found = [line["seconds"][name] for line in self.lines if name in line["seconds"]]
        return {"seconds": round(float(np.mean(found)), 2)} if found else {}


def _right(line: Line, name: str) -> np.ndarray:
    return np.array(line["right"][name], dtype=np.float64)


def _of_spread(spread: str, found: Accuracies) -> list[Wanted]:
    singles = [name for name in SINGLE if name in found.methods]
    best = max(singles, key=lambda name: found.less(name, "zero-shot")["value"])
    against = found.less("auto", REGRESSION)
    languages = found.languages()
    worst = min(languages, key=lambda name: languages[name]["auto - zero-shot"]["high"])
    wanted = [
        (
            f"{spread}: auto against {best}, the best single method, on the mean",
            100 * found.less("auto", best)["value"],
            -0.3,
        ),
        (
            f"{spread}: auto against zero-shot in {worst}, the upper end",
            100 * languages[worst]["auto - zero-shot"]["high"],
            -1.0,
        ),
        (
            f"{spread}: self-train without labels against its start, the lower end",
            100 * found.less("self-train, no labels", "zero-shot")["low"],
            -0.5,
        ),
    ]
    if "head" in singles:
        wanted.append(
            (
                f"{spread}: head against zero-shot, the lower end",
                100 * found.less("head", "zero-shot")["low"],
                -1.0,
            )
        )
    if spread == "par":
        wanted.append(
            (f"{spread}: auto against {REGRESSION}, the lower end", 100 * against["low"], -0.5)
        )
    else:
        wanted.append(
            (f"{spread}: auto against {REGRESSION}, the mean", 100 * against["value"], 2.0)
        )
    return wanted


def _more_rows(of_budget: dict[int, Accuracies]) -> list[Wanted]:
    """The worst step from fewer labels to more of each method: the upper end of the difference.

    Samples of one language are the same sentences at every budget, so that rows pair.
    """
    wanted: list[Wanted] = []
    for name in (*_LABELLED, "auto"):
        steps = []
        budgets = [
            b for b, x in of_budget.items() if name in x.methods or (not b and name == _LAST)
        ]
        for fewer, more in pairwise(budgets):
            steps.append((_step(of_budget[fewer], of_budget[more], name), f"{fewer} to {more}"))
        if steps:
            high, which = min(steps)
            wanted.append((f"par: {name} from {which} labels, the upper end", 100 * high, 0.0))
    return wanted


def _step(fewer: Accuracies, more: Accuracies, name: str) -> float:
    before = {(x["language"], x["sample"]): x for x in fewer.lines}
    old = name if name in fewer.methods else f"{name}, no labels"
    return more.mean(
        lambda line: _right(line, name) - _right(before[line["language"], line["sample"]], old)
    )["high"]
