"""Any number of labels for each text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.learn.intervals import ratio
from app.learn.objectives.contract import Headline, Objective, RowAnswers
from app.learn.objectives.single_label import LEAST_PROBABILITY

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.examples import Examples, Inputs

_THRESHOLD = 0.5
_MOST_WEIGHT = 100.0


@dataclass(frozen=True)
class MultiLabel(Objective):
    """Targets bool (n, classes), probabilities (n, classes) of each label by itself.

    A label is predicted where its probability reaches its threshold; judged by micro F1.
    `thresholds` has one for each label, or is empty: then all are 0.5.
    """

    thresholds: tuple[float, ...] = ()

    metric = "micro_f1"

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy, the mean over rows and labels."""
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(
            logits, targets.to(logits.dtype), pos_weight=weights
        )

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logistic function of each logit."""
        return logits.float().sigmoid()

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """How many rows lack each label for one that has it, at most 100."""
        having = targets.sum(axis=0)
        weights = (len(targets) - having) / np.maximum(having, 1)
        return np.clip(weights, 1 / _MOST_WEIGHT, _MOST_WEIGHT).astype(np.float32)

    def headline(self, probabilities: np.ndarray, targets: np.ndarray) -> Headline:
        """Micro F1 of labels."""
        predicted = self.predicted(probabilities)
        right = (predicted & targets).sum(axis=1)
        said = predicted.sum(axis=1) + targets.sum(axis=1)
        sums = np.stack([right, said], axis=1).astype(np.float32)
        return Headline(sums, lambda total: ratio(2 * total[:, 0], total[:, 1]))

    def log_losses(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Binary cross-entropy, the mean over the labels of each row."""
        own = np.where(targets, probabilities, 1 - probabilities)
        losses: np.ndarray = -np.log(np.maximum(own, LEAST_PROBABILITY)).mean(axis=1)
        return losses

    def score(
        self,
        probabilities: np.ndarray,
        targets: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """The scores of `app.learn.multi_label_metrics.score_label_sets`."""
        from app.learn.multi_label_metrics import score_label_sets

        predicted, losses = self.predicted(probabilities), self.log_losses(probabilities, targets)
        return score_label_sets(self.labels, probabilities, predicted, targets, losses, clusters)

    def rows(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
        """A list of labels each; the probabilities are those of every label."""
        names = np.array(self.labels, dtype=object)
        return RowAnswers(
            truth=[names[row].tolist() for row in targets],
            predicted=[names[row].tolist() for row in self.predicted(probabilities)],
            probability=np.exp(-self.log_losses(probabilities, targets)),
            probabilities=list(probabilities),
        )

    def majority(self, targets: np.ndarray, inputs: Inputs) -> np.ndarray:
        """Always the most frequent set of labels, each as probable as it is frequent.

        Where frequency and set disagree about a label, its probability lies just on the set's
        side of the threshold.
        """
        sets, counts = np.unique(targets, axis=0, return_counts=True)
        return np.tile(self._answering(sets[counts.argmax()], targets), (len(inputs), 1))

    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """Whole sets of labels drawn from those of `targets`, with probabilities as above."""
        drawn = np.random.default_rng(seed).integers(0, len(targets), len(inputs))
        return self._answering(targets[drawn], targets)

    def shallow(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """TF-IDF of character n-grams with a logistic regression for each label."""
        from app.learn.baselines import tfidf_label_sets

        if isinstance(train.inputs, np.ndarray) or isinstance(inputs, np.ndarray):
            return None
        texts, asked = [str(text) for text in train.inputs], [str(text) for text in inputs]
        return tfidf_label_sets(texts, train.targets, asked)

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        """The labels that are predicted: bool (n, classes)."""
        reached: np.ndarray = probabilities >= self._limits()
        return reached

    def _answering(self, chosen: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Probabilities that make the sets `chosen` (bool (..., classes)) the answer: float32."""
        frequencies, limits = (targets.sum(axis=0) + 1.0) / (len(targets) + 2.0), self._limits()
        answers: np.ndarray = np.where(
            chosen, np.maximum(frequencies, limits), np.minimum(frequencies, limits - 1e-6)
        ).astype(np.float32)
        return answers

    def _limits(self) -> np.ndarray:
        return np.array(self.thresholds or [_THRESHOLD] * len(self.labels), dtype=np.float32)
