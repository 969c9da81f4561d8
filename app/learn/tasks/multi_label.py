"""Any number of labels for each text: the objective and its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.learn.intervals import Clusters, Measures, Totals, f1_measures, ratio, with_intervals
from app.learn.tasks.contract import Objective, PrimaryMetric, RowAnswers
from app.learn.tasks.single_label import LEAST_PROBABILITY, per_class

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.data.examples import Examples, Inputs

_THRESHOLD = 0.5
_MAX_WEIGHT = 100.0
# The measures that are a share of hits among trials, and those without an upper end.
_SHARES = {"subset_accuracy": ("exact", "rows")}
_LOSSES = frozenset({"log_loss"})


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
        return np.clip(weights, 1 / _MAX_WEIGHT, _MAX_WEIGHT).astype(np.float32)

    def primary_metric(self, probabilities: np.ndarray, targets: np.ndarray) -> PrimaryMetric:
        """Micro F1 of labels."""
        predicted = self.predicted(probabilities)
        right = (predicted & targets).sum(axis=1)
        claimed = predicted.sum(axis=1) + targets.sum(axis=1)
        sums = np.stack([right, claimed], axis=1).astype(np.float32)
        return PrimaryMetric(sums, lambda total: ratio(2 * total[:, 0], total[:, 1]))

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
        """The scores of `score_label_sets`."""
        predicted, losses = self.predicted(probabilities), self.log_losses(probabilities, targets)
        return score_label_sets(self.labels, probabilities, predicted, targets, losses, clusters)

    def row_answers(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
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

    def text_baseline(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """TF-IDF of character n-grams with a logistic regression for each label."""
        from app.learn.tasks.baselines import tfidf_label_sets

        if isinstance(train.inputs, np.ndarray) or isinstance(inputs, np.ndarray):
            return None
        texts, test_texts = [str(text) for text in train.inputs], [str(text) for text in inputs]
        return tfidf_label_sets(texts, train.targets, test_texts)

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        """The labels that are predicted: bool (n, classes)."""
        predicted: np.ndarray = probabilities >= self._limits()
        return predicted

    def _answering(self, chosen: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Probabilities that make the sets `chosen` (bool (..., classes)) the answer: float32."""
        frequencies, limits = (targets.sum(axis=0) + 1.0) / (len(targets) + 2.0), self._limits()
        answers: np.ndarray = np.where(
            chosen, np.maximum(frequencies, limits), np.minimum(frequencies, limits - 1e-6)
        ).astype(np.float32)
        return answers

    def _limits(self) -> np.ndarray:
        return np.array(self.thresholds or [_THRESHOLD] * len(self.labels), dtype=np.float32)


def score_label_sets(
    labels: tuple[str, ...],
    probabilities: np.ndarray,
    predicted: np.ndarray,
    targets: np.ndarray,
    losses: np.ndarray,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `predicted` (bool (n, classes)) against `targets` (bool (n, classes)).

    `clusters` int (n,) are rows that are not independent, each row by itself unless given.

    Returns micro_f1, micro_precision, micro_recall, macro_f1 (the mean over labels that occur, as
    target or prediction), subset_accuracy (rows whose whole set is right), hamming_loss (the share
    of single decisions that are wrong) and log_loss (the mean of `losses` (n,)), each as
    `{"value", "low", "high"}` as `app.learn.intervals` describes, and `sample`, how many rows and
    clusters there are. `per_class` has precision, recall, f1, support, and average_precision of the
    `probabilities` (None for a label without rows).
    """
    right = (predicted & targets).astype(np.float32)
    guesses, truths = predicted.astype(np.float32), targets.astype(np.float32)
    exact = (predicted == targets).all(axis=1).astype(np.float32)
    wrong = (predicted != targets).mean(axis=1, dtype=np.float32)
    parts = Clusters.of(clusters, len(targets))
    statistics = {
        "rows": np.ones(len(targets)),
        **{"hits": right, "guesses": guesses, "truths": truths},
        **{"exact": exact, "wrong": wrong, "losses": losses},
    }
    classes = per_class(labels, right.sum(axis=0), guesses.sum(axis=0), truths.sum(axis=0))
    for i, one in enumerate(classes):
        one["average_precision"] = _average_precision(probabilities[:, i], targets[:, i])
    scores = with_intervals(_measures, statistics, parts, _SHARES, _LOSSES)
    return {**scores, "sample": parts.described(), "per_class": classes}


def _measures(sums: Totals) -> Measures:
    f1, rows = f1_measures(sums["hits"], sums["guesses"], sums["truths"]), sums["rows"]
    return {
        **{f"micro_{name}": f1[name] for name in ("f1", "precision", "recall")},
        "macro_f1": f1["macro_f1"],
        "subset_accuracy": sums["exact"] / rows,
        "hamming_loss": sums["wrong"] / rows,
        "log_loss": sums["losses"] / rows,
    }


def _average_precision(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """The area under precision over recall, by steps; None where no row has the label."""
    # scikit-learn takes a second to import.
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(targets, probabilities)) if targets.any() else None
