"""The Objective of a task: what logits mean, what training minimises, how answers are scored."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from app.domain.enums import Task
from app.domain.errors.predictions import AnswerNotFinite

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.data.examples import Examples, Inputs


@dataclass(frozen=True)
class PrimaryMetric:
    """The one measure by which answers are compared, as a function of sums over rows.

    `sums`: float32 (n, k), what each row adds; `of` maps summed rows (m, k) to the measure (m,).
    """

    sums: np.ndarray
    of: Callable[[np.ndarray], np.ndarray]

    @property
    def value(self) -> float:
        """The measure over all rows."""
        return float(self.of(self.sums.sum(axis=0, dtype=np.float64, keepdims=True))[0])


@dataclass(frozen=True)
class RowAnswers:
    """Answers in words: for each row what is true, what was predicted, and how probable they are.

    `truth` and `predicted` hold a label, or a list of labels, for each row; `probability`,
    float32 (n,), is that of what is true; `probabilities` has a list of numbers for each row.
    """

    truth: list[Any]
    predicted: list[Any]
    probability: np.ndarray
    probabilities: list[np.ndarray]


@dataclass(frozen=True)
class Objective(abc.ABC):
    """Everything that differs between one label, several labels and a tag for each word.

    Targets and probabilities have the shapes that `app.learn.data.examples` and `predict` describe.
    Importing an objective imports no torch.
    """

    labels: tuple[str, ...]

    metric: ClassVar[str]  # the name of the primary metric among the scores
    per_word: ClassVar[bool] = False  # logits are (n, words, classes), not (n, classes)

    @abc.abstractmethod
    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """What training minimises: a scalar, the mean over what the rows ask."""

    def loss_weight(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """How much `loss` is the mean over: rows, where nothing else is said."""
        return float(len(targets))

    @abc.abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Float32 of the logits' shape."""

    @abc.abstractmethod
    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Float32 (classes,): `weights` of `loss` by which rare labels count as frequent ones."""

    @abc.abstractmethod
    def primary_metric(self, probabilities: np.ndarray, targets: np.ndarray) -> PrimaryMetric:
        """The measure called `metric`."""

    @abc.abstractmethod
    def log_losses(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Float32 (n,): the log loss of each row, in nats per answer."""

    @abc.abstractmethod
    def score(
        self,
        probabilities: np.ndarray,
        targets: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Every measure with its 95% interval (`app.learn.intervals`), and the counts behind them.

        `clusters` int (n,) are rows that are not independent, each row by itself unless given.
        """

    @abc.abstractmethod
    def row_answers(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
        """Answers in words, row by row."""

    @abc.abstractmethod
    def majority(self, targets: np.ndarray, inputs: Inputs) -> np.ndarray:
        """What is most frequent in `targets`, as the probabilities answered to `inputs`."""

    @abc.abstractmethod
    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """What is drawn at random from `targets`, as the probabilities answered to `inputs`."""

    @abc.abstractmethod
    def text_baseline(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """A classifier on characters and words fitted on `train`; None where there is no text."""

    def answer_shape(self, inputs: Inputs) -> tuple[int, ...]:
        """The shape of the probabilities answered to `inputs`."""
        if not self.per_word:
            return len(inputs), len(self.labels)
        return len(inputs), max((len(words) for words in inputs), default=0), len(self.labels)


def objective_for(
    task: Task, labels: tuple[str, ...], thresholds: tuple[float, ...] = ()
) -> Objective:
    """What a model of `task` answers with `labels`; `thresholds` are of several labels' alone."""
    # The tasks' own modules import this one.
    if task is Task.TOKEN_CLASSIFICATION:
        from app.learn.tasks.tagging import Tagging

        return Tagging(labels)
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        from app.learn.tasks.multi_label import MultiLabel

        return MultiLabel(labels, thresholds)
    from app.learn.tasks.single_label import SingleLabel

    return SingleLabel(labels)


def require_finite(
    answers: Sequence[np.ndarray] | np.ndarray,
    model: str = "The model",
    place: Callable[[int], str] = "inputs[{}]".format,
) -> None:
    """Raise AnswerNotFinite where an answer (float32, any shape) holds NaN or infinity.

    `place` names an input by its position from 0.
    """
    wrong = [number for number, one in enumerate(answers) if not math.isfinite(one.sum())]
    if wrong:
        raise AnswerNotFinite(model, [place(number) for number in wrong])
