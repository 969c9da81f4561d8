"""A tag for each word of a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from app.learn.class_weights import class_weights
from app.learn.entities import TagScheme
from app.learn.examples import NO_WORD
from app.learn.intervals import ratio
from app.learn.majority import chance, majority
from app.learn.objectives.contract import Headline, Objective, RowAnswers
from app.learn.objectives.single_label import LEAST_PROBABILITY

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.examples import Examples, Inputs


@dataclass(frozen=True)
class Tagging(Objective):
    """Targets int64 (n, words), probabilities (n, words, classes); judged by micro F1 of entities.

    Sentences of one array have different lengths: where a sentence has no word (any more) its
    target is `NO_WORD`, and what stands in the probabilities counts for nothing. Probabilities may
    have fewer words than targets, but not fewer than any of their sentences.
    """

    metric = "entity_f1"
    per_word = True

    @cached_property
    def scheme(self) -> TagScheme:
        """What each tag says."""
        return TagScheme(self.labels)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy, the mean over words."""
        from torch.nn import functional

        wanted = targets[:, : logits.shape[1]]
        return functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), weight=weights, ignore_index=NO_WORD
        )

    def amount(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """Words, each by the weight of its tag."""
        words = targets[targets != NO_WORD]
        return float(len(words) if weights is None else weights[words].sum())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the tags of each word."""
        return logits.float().softmax(dim=-1)

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Inverse to each tag's frequency among the words."""
        return class_weights(targets[targets != NO_WORD], len(self.labels))

    def headline(self, probabilities: np.ndarray, targets: np.ndarray) -> Headline:
        """Micro F1 of entities."""
        targets = targets[:, : probabilities.shape[1]]
        counts = self.scheme.count(self.tags(probabilities, targets), targets)
        right = counts.hits.sum(axis=1)
        said = counts.guesses.sum(axis=1) + counts.truths.sum(axis=1)
        return Headline(np.stack([right, said], axis=1), _f1)

    def log_losses(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Of the words' own tags, the mean over each sentence."""
        targets = targets[:, : probabilities.shape[1]]
        there = targets != NO_WORD
        losses = np.zeros(targets.shape, dtype=np.float32)
        losses[there] = -np.log(np.maximum(probabilities[there, targets[there]], LEAST_PROBABILITY))
        mean: np.ndarray = losses.sum(axis=1) / there.sum(axis=1).clip(min=1)
        return mean

    def score(
        self,
        probabilities: np.ndarray,
        targets: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """The scores of `app.learn.tagging_metrics.score_tags`."""
        from app.learn.tagging_metrics import score_tags

        targets = targets[:, : probabilities.shape[1]]
        return score_tags(self.scheme, probabilities, targets, clusters)

    def rows(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
        """A tag for each word; the probabilities are those of the predicted tags."""
        names = np.array(self.labels, dtype=object)
        targets = targets[:, : probabilities.shape[1]]
        lengths = (targets != NO_WORD).sum(axis=1)
        likeliest, surest = probabilities.argmax(axis=2), probabilities.max(axis=2)
        return RowAnswers(
            truth=[names[row[:n]].tolist() for row, n in zip(targets, lengths, strict=True)],
            predicted=[names[row[:n]].tolist() for row, n in zip(likeliest, lengths, strict=True)],
            probability=np.exp(-self.log_losses(probabilities, targets)),
            probabilities=[row[:n] for row, n in zip(surest, lengths, strict=True)],
        )

    def majority(self, targets: np.ndarray, inputs: Inputs) -> np.ndarray:
        """Always the most frequent tag of a word, which is "O" as a rule."""
        shape = self.answer_shape(inputs)
        flat = majority(targets[targets != NO_WORD], shape[0] * shape[1], shape[2])
        return flat.reshape(shape)

    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """Tags drawn word by word, as often as they are in `targets`."""
        shape = self.answer_shape(inputs)
        flat = chance(targets[targets != NO_WORD], shape[0] * shape[1], shape[2], seed)
        return flat.reshape(shape)

    def shallow(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """Logistic regression on each word, its characters and its neighbours."""
        from app.learn.word_baseline import tag_by_word_features

        return tag_by_word_features(train, inputs, len(self.labels))

    def tags(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The likeliest tags, int64 (n, words), `NO_WORD` where `targets` has no word."""
        return np.where(targets == NO_WORD, NO_WORD, probabilities.argmax(axis=2))


def _f1(total: np.ndarray) -> np.ndarray:
    return ratio(2 * total[:, 0], total[:, 1])
