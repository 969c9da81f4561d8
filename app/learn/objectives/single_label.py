"""One label for each text or image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.learn.class_weights import class_weights
from app.learn.majority import chance, majority
from app.learn.metrics import score
from app.learn.objectives.contract import Headline, Objective, RowAnswers

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.examples import Examples, Inputs

LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class SingleLabel(Objective):
    """Targets int64 (n,), probabilities (n, classes) that sum to 1; judged by accuracy."""

    metric = "accuracy"

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy."""
        from torch.nn import functional

        return functional.cross_entropy(logits, targets, weight=weights)

    def amount(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """Rows, each by the weight of its label."""
        return float(len(targets) if weights is None else weights[targets].sum())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the classes."""
        return logits.float().softmax(dim=-1)

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Inverse to each label's frequency."""
        return class_weights(targets, len(self.labels))

    def headline(self, probabilities: np.ndarray, targets: np.ndarray) -> Headline:
        """Accuracy."""
        correct = probabilities.argmax(axis=1) == targets
        sums = np.stack([correct, np.ones_like(correct)], axis=1).astype(np.float32)
        return Headline(sums, lambda total: total[:, 0] / total[:, 1])

    def log_losses(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Of the row's own label."""
        own = probabilities[np.arange(len(targets)), targets]
        losses: np.ndarray = -np.log(np.maximum(own, LEAST_PROBABILITY))
        return losses

    def score(
        self,
        probabilities: np.ndarray,
        targets: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """The scores of `app.learn.metrics.score`."""
        return score(probabilities, targets, self.labels, clusters)

    def rows(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
        """A label each; the probabilities are those of every label."""
        names = np.array(self.labels, dtype=object)
        return RowAnswers(
            truth=names[targets].tolist(),
            predicted=names[probabilities.argmax(axis=1)].tolist(),
            probability=probabilities[np.arange(len(targets)), targets],
            probabilities=list(probabilities),
        )

    def majority(self, targets: np.ndarray, inputs: Inputs) -> np.ndarray:
        """Always the most frequent label."""
        return majority(targets, len(inputs), len(self.labels))

    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """Labels drawn as often as they are in `targets`."""
        return chance(targets, len(inputs), len(self.labels), seed)

    def shallow(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """TF-IDF of character n-grams with logistic regression."""
        if isinstance(train.inputs, np.ndarray) or isinstance(inputs, np.ndarray):
            return None
        # Images do without scikit-learn, which takes a second to import.
        from app.learn.baselines import tfidf

        texts, asked = [str(text) for text in train.inputs], [str(text) for text in inputs]
        return tfidf(texts, train.targets, asked, len(self.labels))
