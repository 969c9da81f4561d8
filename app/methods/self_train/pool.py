"""All rows that the rounds of `self-train` may train on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from app.learn.batches import Stream
from app.learn.examples import Examples, Inputs
from app.learn.joining import join
from app.learn.pseudo_labels import PseudoLabels
from app.learn.run_stage import AdaptationRows
from app.learn.vector_cache import MemoryVectors, VectorCache
from app.methods.contract import MethodInput
from app.methods.self_train.spec import SelfTrainParameters

# What so many source rows say of a head or of label shares, more do not say better.
_MOST_SOURCE = 5000


@dataclass(frozen=True)
class Pool:
    """Labelled target rows, source rows and unlabelled inputs as one.

    `labelled`, `source` and `unlabelled` are int (k,) positions in `rows`. The targets of
    unlabelled inputs mean nothing until a round sets them. `vectors` keeps what a frozen body makes
    of the inputs, so that rounds do not encode them again.
    """

    rows: Examples
    labelled: np.ndarray
    source: np.ndarray
    unlabelled: np.ndarray
    vectors: VectorCache

    @classmethod
    def of(cls, given: MethodInput, inputs: Inputs) -> Pool:
        """The pool of what a method was given, `inputs` being its unlabelled ones."""
        unlabelled = Examples(
            inputs=inputs,
            targets=np.zeros(len(inputs), dtype=np.int64),
            rows=np.arange(1, len(inputs) + 1, dtype=np.int64),
        )
        parts = [given.train, given.source, unlabelled]
        sizes = [len(part) if part is not None else 0 for part in parts]
        ends = np.cumsum(sizes)
        spans = [np.arange(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        joined = reduce(join, (part for part in parts if part is not None))
        return cls(joined, spans[0], spans[1], spans[2], given.vectors or MemoryVectors())

    def training_rows(
        self, chosen: SelfTrainParameters, sure: PseudoLabels | None
    ) -> AdaptationRows:
        """What one round trains on; without `sure`, the rows whose labels were given.

        Each kind of row has its share of every batch, by its number times its weight. Inputs that
        are not drawn are left out, since epochs are passes over what there is.
        """
        targets = self.rows.targets.copy()
        kept = np.empty(0, dtype=np.int64)
        if sure is not None:
            kept = self.unlabelled[sure.positions]
            targets[kept] = sure.targets
        weighed = [
            (self.labelled, chosen.labelled_weight),
            (self.source, 1.0),
            (kept, chosen.kept_weight),
        ]
        weighed = [(positions, weight) for positions, weight in weighed if len(positions)]
        total = sum(len(positions) * weight for positions, weight in weighed)
        drawn = np.concatenate([positions for positions, _ in weighed])
        ends = np.cumsum([len(positions) for positions, _ in weighed])
        return AdaptationRows(
            train=replace(self.rows, targets=targets).take(drawn),
            streams=tuple(
                Stream(np.arange(end - len(positions), end), len(positions) * weight / total)
                for (positions, weight), end in zip(weighed, ends, strict=True)
            ),
            vectors=self.vectors,
        )


def thinned(source: Examples) -> Examples:
    """Source rows, evenly spaced ones where there are very many."""
    if len(source) <= _MOST_SOURCE:
        return source
    return source.take(np.linspace(0, len(source) - 1, _MOST_SOURCE).round().astype(np.int64))
