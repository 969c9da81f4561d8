"""Whether a model that is wrong too often to be ignorant calls labels by each other's names."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

_CHANCE = 0.001
_SHOWN = 5


def swapped_labels(
    probabilities: np.ndarray, targets: np.ndarray, labels: tuple[str, ...]
) -> str | None:
    """A sentence that points to `label_mapping`; None where nothing speaks for it.

    `probabilities` (float (n, classes)) are the source model's for rows of the labels `targets`
    (int (n,)). It speaks for swapped labels when fewer answers are right than answers drawn at
    random, as often as it gives them, would be (one-sided binomial test, 0.1%).
    """
    predicted, classes = probabilities.argmax(axis=1), len(labels)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (targets, predicted), 1)
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum()) / len(targets) ** 2
    right = int(np.trace(counts))
    if binom.cdf(right, len(targets), chance) >= _CHANCE:
        return None
    rows, columns = linear_sum_assignment(-counts)
    pairs = sorted(
        (
            (counts[r, c], labels[r], labels[c])
            for r, c in zip(rows, columns, strict=True)
            if r != c
        ),
        reverse=True,
    )
    told = ", ".join(f'"{ours}": "{theirs}"' for count, ours, theirs in pairs[:_SHOWN] if count)
    return (
        f"The source model answers {right / len(targets):.1%} of the test rows rightly, which is "
        f"far below chance ({chance:.1%}): its labels seem to stand for others. If so, say it with "
        f"label_mapping, such as {{{told}}}."
    )
