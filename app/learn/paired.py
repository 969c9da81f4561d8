"""Whether one set of predictions is better than another on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.bootstrap import interval, resample_counts
from app.learn.objectives.contract import Objective
from app.learn.objectives.single_label import SingleLabel


def paired_difference(
    ours: np.ndarray,
    theirs: np.ndarray,
    targets: np.ndarray,
    seed: int = 0,
    objective: Objective | None = None,
) -> dict[str, Any]:
    """The difference in the objective's headline, ours minus theirs, by the paired bootstrap.

    `ours`, `theirs`: probabilities; `targets`: as in Examples; without an `objective` each row has
    one label and the headline is accuracy. `low` and `high` bound the difference with 95%
    confidence; `better_share` is the share of resamples of rows in which ours is better, ties
    counted half (Koehn, 2004; Berg-Kirkpatrick et al., 2012).
    """
    objective = objective or SingleLabel(())
    one, other = objective.headline(ours, targets), objective.headline(theirs, targets)
    drawn = np.concatenate(
        [
            one.of(counts @ one.sums) - other.of(counts @ other.sums)
            for counts in resample_counts(len(targets), seed)
        ]
    )
    low, high = interval(drawn)
    return {
        "metric": objective.metric,
        "difference": one.value - other.value,
        "low": low,
        "high": high,
        "better_share": float(np.mean((drawn > 0) + 0.5 * (drawn == 0))),
    }
