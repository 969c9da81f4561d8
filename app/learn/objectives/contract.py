"""The Objective: what logits mean, what training minimises, and by what answers are judged."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.examples import Examples, Inputs


@dataclass(frozen=True)
class Headline:
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

    Targets and probabilities have the shapes that `app.learn.examples` and `predict` describe.
    Importing an objective imports no torch.
    """

    labels: tuple[str, ...]

    metric: ClassVar[str]  # the name of the headline among the scores
    per_word: ClassVar[bool] = False  # logits are (n, words, classes), not (n, classes)

    @abc.abstractmethod
    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """What training minimises: a scalar, the mean over what the rows ask."""

    def amount(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """How much `loss` is the mean over: rows, where nothing else is said."""
        return float(len(targets))

    @abc.abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Float32 of the logits' shape."""

    @abc.abstractmethod
    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Float32 (classes,): `weights` of `loss` by which rare labels count as frequent ones."""

    @abc.abstractmethod
    def headline(self, probabilities: np.ndarray, targets: np.ndarray) -> Headline:
        """The measure called `metric`."""

    @abc.abstractmethod
    def log_losses(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Float32 (n,): how surprised the probabilities are by each row, in nats per answer."""

    @abc.abstractmethod
    def score(
        self,
        probabilities: np.ndarray,
        targets: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Every measure with its 95% interval (`app.learn.intervals`), and the counts behind them.

        `clusters` int (n,) are rows that tell of each other, each row by itself unless given.
        """

    @abc.abstractmethod
    def rows(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
        """Answers in words, row by row."""

    @abc.abstractmethod
    def majority(self, targets: np.ndarray, inputs: Inputs) -> np.ndarray:
        """What is most frequent in `targets`, as the probabilities answered to `inputs`."""

    @abc.abstractmethod
    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """What is drawn at random from `targets`, as the probabilities answered to `inputs`."""

    @abc.abstractmethod
    def shallow(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """A classifier on characters and words fitted on `train`; None where there is no text."""

    def answer_shape(self, inputs: Inputs) -> tuple[int, ...]:
        """The shape of the probabilities answered to `inputs`."""
        if not self.per_word:
            return len(inputs), len(self.labels)
        return len(inputs), max((len(words) for words in inputs), default=0), len(self.labels)
