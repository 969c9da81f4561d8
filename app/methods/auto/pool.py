"""The labelled target rows that candidates are compared on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from app.learn.examples import Examples
from app.learn.joining import join
from app.learn.leakage import drop_leaks
from app.learn.splits import clusters, fold_numbers
from app.methods.contract import MethodInput


@dataclass(frozen=True)
class Pool:
    """Training and validation rows together; `folds`: int64 (n,), the fold of each row."""

    rows: Examples
    folds: np.ndarray
    given: MethodInput

    @property
    def count(self) -> int:
        """How many folds there are."""
        return int(self.folds.max()) + 1

    @cached_property
    def clusters(self) -> np.ndarray:
        """int64 (n,): rows that tell of each other, as `app.learn.splits.clusters` joins them."""
        return clusters(self.rows)

    def held(self, fold: int) -> np.ndarray:
        """Positions of the fold's rows."""
        return np.flatnonzero(self.folds == fold)

    def without(self, fold: int) -> MethodInput:
        """The input of a method that does not see the fold, nor source rows that give it away."""
        held = self.rows.take(self.held(fold))
        source = self.given.source
        if source is not None:
            kept, _ = drop_leaks(source, held)
            source = kept if len(kept) else source
        rest = self.rows.take(np.flatnonzero(self.folds != fold))
        return replace(self.given, train=rest, validation=None, source=source, checkpoints=None)

    def whole(self) -> MethodInput:
        """The input of the chosen method's last fit: every row."""
        return replace(self.given, train=self.rows, validation=None, checkpoints=None)


def pool(given: MethodInput) -> Pool:
    """Put the labelled rows together and into folds, stratified and by whole groups."""
    rows = given.labelled_rows()
    if given.validation is not None and len(given.validation):
        groups = (*_groups(rows), *_groups(given.validation))
        rows = replace(join(rows, given.validation), groups=groups)
    return Pool(rows, fold_numbers(rows, given.seed), given)


def _groups(examples: Examples) -> tuple[str, ...]:
    return examples.groups or ("",) * len(examples)
