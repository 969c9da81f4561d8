"""Whether an encoder sees that rows of two languages mean the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.learn.advice.translations import unit

BLIND = 0.3
DIM = 0.5  # in benchmarks/leakage.py at most 46% are found below, at least 69% above
LEAST_FOUND = 0.25  # of translations, by a cautious guess, where sight is dim or unknown
_FEWEST = 20


@dataclass(frozen=True)
class Sight:
    """How much oftener than by chance a row's nearest neighbour has its label: Cohen's kappa.

    `across`: a target row's among the source rows; `in_source`, `in_target`: among the other rows
    of its own language. 0 by chance, 1 always. An English-only MiniLM has 0.16 across to Swahili
    and finds 6% of the planted translations, a multilingual E5 0.54 and 73%.
    """

    across: float
    in_source: float
    in_target: float

    @property
    def labels_follow(self) -> bool:
        """Whether labels follow the vectors in each language, without which nothing can be told."""
        return min(self.in_source, self.in_target) >= BLIND

    @property
    def blind(self) -> bool:
        """Whether labels follow the vectors in each language, and yet not across them."""
        return self.labels_follow and self.across < BLIND

    @property
    def unsure(self) -> bool:
        """Whether it cannot be told if the encoder is blind: labels or encoder may be at fault."""
        return not self.labels_follow and self.across < BLIND

    @property
    def least_found(self) -> float:
        """A cautious guess at the share of translations that are found (benchmarks/leakage.py)."""
        return 0.5 if self.across >= DIM else LEAST_FOUND


def sight(
    source: np.ndarray, source_targets: np.ndarray, target: np.ndarray, target_targets: np.ndarray
) -> Sight | None:
    """The agreement of labels across two languages and within each.

    Vectors (float (n, width)) are minus the mean of their language, labels int (n,). None with
    fewer than 20 rows on a side, or where chance alone is certain.
    """
    if min(len(source), len(target)) < _FEWEST:
        return None
    across = _agreement(target, target_targets, source, source_targets)
    in_source = _agreement(source, source_targets)
    in_target = _agreement(target, target_targets)
    if across is None or in_source is None or in_target is None:
        return None
    return Sight(across, in_source, in_target)


def _agreement(
    rows: np.ndarray,
    targets: np.ndarray,
    others: np.ndarray | None = None,
    other_targets: np.ndarray | None = None,
) -> float | None:
    """Kappa of the labels of `rows` and of their nearest `others`, or else among themselves."""
    ours = unit(rows)
    cosines = ours @ (ours if others is None else unit(others)).T
    if others is None:
        np.fill_diagonal(cosines, -np.inf)
    guessed = (targets if other_targets is None else other_targets)[cosines.argmax(axis=1)]
    classes = int(max(guessed.max(), targets.max())) + 1
    shares = [np.bincount(x, minlength=classes) / len(x) for x in (guessed, targets)]
    chance = float(shares[0] @ shares[1])
    return (float((guessed == targets).mean()) - chance) / (1 - chance) if chance < 1 else None
