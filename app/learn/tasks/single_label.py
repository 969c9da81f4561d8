"""One label for each text or image: its objective, its scores, and guesses by frequency alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.learn.intervals import Clusters, Measures, Totals, macro_f1, with_intervals
from app.learn.tasks.contract import Objective, PrimaryMetric, RowAnswers

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.data.examples import Examples, Inputs

LEAST_PROBABILITY = 1e-7
BINS = 15  # of equal width, for the calibration error
# The measures that are a share of hits among trials, and those without an upper end.
_SHARES = {"accuracy": ("correct", "rows")}
_LOSSES = frozenset({"log_loss"})


@dataclass(frozen=True)
class SingleLabel(Objective):
    """Targets int64 (n,), probabilities (n, classes) that sum to 1; judged by accuracy."""

    metric = "accuracy"

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy."""
        from torch.nn import functional

        return functional.cross_entropy(logits, targets, weight=weights)

    def loss_weight(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """Rows, each by the weight of its label."""
        return float(len(targets) if weights is None else weights[targets].sum())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the classes."""
        return logits.float().softmax(dim=-1)

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Inverse to each label's frequency."""
        return class_weights(targets, len(self.labels))

    def primary_metric(self, probabilities: np.ndarray, targets: np.ndarray) -> PrimaryMetric:
        """Accuracy."""
        correct = probabilities.argmax(axis=1) == targets
        sums = np.stack([correct, np.ones_like(correct)], axis=1).astype(np.float32)
        return PrimaryMetric(sums, lambda total: total[:, 0] / total[:, 1])

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
        """The scores of `score_labels`."""
        return score_labels(probabilities, targets, self.labels, clusters)

    def row_answers(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
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
        return majority_baseline(targets, len(inputs), len(self.labels))

    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """Labels drawn as often as they are in `targets`."""
        return chance_baseline(targets, len(inputs), len(self.labels), seed)

    def text_baseline(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """TF-IDF of character n-grams with logistic regression."""
        if isinstance(train.inputs, np.ndarray) or isinstance(inputs, np.ndarray):
            return None
        # Images do without scikit-learn, which takes a second to import.
        from app.learn.tasks.baselines import tfidf

        texts, test_texts = [str(text) for text in train.inputs], [str(text) for text in inputs]
        return tfidf(texts, train.targets, test_texts, len(self.labels))


def score_labels(
    probabilities: np.ndarray,
    targets: np.ndarray,
    labels: tuple[str, ...],
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `probabilities` (float (n, classes)) against `targets` (int (n,)), n >= 1.

    `clusters` int (n,) are rows that are not independent, each row by itself unless given.

    Returns accuracy, macro_f1, log_loss (natural logarithm, probabilities of at least 1e-7) and
    expected_calibration_error (15 bins of equal width: Guo et al., 2017), each as
    `{"value", "low", "high"}` as `app.learn.intervals` describes; `sample`, how many rows and
    clusters there are; `per_class`, one dict of label, precision, recall, f1 and support each; and
    `confusion`, rows counted by [true][predicted]. Macro-F1 is over labels that occur, as target
    or prediction.
    """
    rows, parts = row_statistics(probabilities, targets), Clusters.of(clusters, len(targets))
    statistics = {
        "rows": np.ones(len(targets)),
        "correct": rows.correct,
        "losses": rows.losses,
        "hits": rows.hits,
        "guesses": rows.guesses,
        "truths": rows.truths,
        "gaps": rows.gaps,
    }
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (targets, rows.predicted), 1)
    hits, support, guesses = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        **with_intervals(_measures, statistics, parts, _SHARES, _LOSSES),
        "sample": parts.described(),
        "per_class": per_class(labels, hits, guesses, support),
        "confusion": confusion.tolist(),
    }


def per_class(
    labels: tuple[str, ...], hits: np.ndarray, guesses: np.ndarray, support: np.ndarray
) -> list[dict[str, Any]]:
    """Label, precision, recall, f1 and support of each class; the counts are (classes,)."""
    return [
        {
            "label": label,
            "precision": float(hits[i] / guesses[i]) if guesses[i] else 0.0,
            "recall": float(hits[i] / support[i]) if support[i] else 0.0,
            "f1": float(2 * hits[i] / (guesses[i] + support[i])) if hits[i] else 0.0,
            "support": int(support[i]),
        }
        for i, label in enumerate(labels)
    ]


def _measures(sums: Totals) -> Measures:
    n = sums["rows"]
    return {
        "accuracy": sums["correct"] / n,
        "macro_f1": macro_f1(sums["hits"], sums["guesses"], sums["truths"]),
        "log_loss": sums["losses"] / n,
        "expected_calibration_error": np.abs(sums["gaps"]).sum(axis=1) / n,
    }


@dataclass(frozen=True)
class RowStatistics:
    """One row each, in float32 except `predicted` (int (n,)).

    `correct`, `losses`: (n,); `hits`, `guesses`, `truths`: (n, classes), whether the row is a
    correct prediction, a prediction, a member of each class; `gaps`: (n, BINS), correctness minus
    confidence, in the bin of the confidence.
    """

    predicted: np.ndarray
    correct: np.ndarray
    losses: np.ndarray
    hits: np.ndarray
    guesses: np.ndarray
    truths: np.ndarray
    gaps: np.ndarray


def row_statistics(probabilities: np.ndarray, targets: np.ndarray) -> RowStatistics:
    """The statistics of `probabilities` (float (n, classes)) and `targets` (int (n,))."""
    rows = np.arange(len(targets))
    predicted = probabilities.argmax(axis=1)
    correct = (predicted == targets).astype(np.float32)
    confidence = probabilities[rows, predicted]
    eye = np.eye(probabilities.shape[1], dtype=np.float32)
    gaps = np.zeros((len(targets), BINS), dtype=np.float32)
    gaps[rows, np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)] = (
        correct - confidence
    )
    return RowStatistics(
        predicted=predicted,
        correct=correct,
        losses=-np.log(np.maximum(probabilities[rows, targets], LEAST_PROBABILITY)).astype(
            np.float32
        ),
        hits=eye[targets] * correct[:, None],
        guesses=eye[predicted],
        truths=eye[targets],
        gaps=gaps,
    )


def class_weights(targets: np.ndarray, classes: int) -> np.ndarray:
    """Float32 (classes,): inverse to each label's frequency in `targets`, 1 on average over rows.

    Labels without rows get 0; they never meet a loss.
    """
    counts = np.bincount(targets, minlength=classes)
    present = counts > 0
    weights = np.zeros(classes, dtype=np.float32)
    weights[present] = len(targets) / (np.count_nonzero(present) * counts[present])
    return weights


def majority_baseline(targets: np.ndarray, count: int, classes: int) -> np.ndarray:
    """Always the most frequent training label: float32 (count, classes).

    The probabilities are the frequencies in `targets` (int (n,)), with one row added to each
    class, so that a label never seen in training does not cost an infinite log loss.
    """
    frequencies = np.bincount(targets, minlength=classes) + 1.0
    answer = (frequencies / frequencies.sum()).astype(np.float32)
    return np.tile(answer, (count, 1))


def chance_baseline(targets: np.ndarray, count: int, classes: int, seed: int) -> np.ndarray:
    """A label drawn from `targets` (int (n,)) for each row: float32 (count, classes).

    The probabilities are those of `majority`, with that of the drawn label and the largest
    exchanged.
    """
    answers = majority_baseline(targets, count, classes)
    drawn, rows = np.random.default_rng(seed).choice(targets, count), np.arange(count)
    largest = answers[0].argmax() if count else 0
    answers[rows, largest], answers[rows, drawn] = (
        answers[rows, drawn],
        # A little more than others that are as frequent, so that it is the answer.
        answers[rows, largest] + 1e-6,
    )
    return answers
