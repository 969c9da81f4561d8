"""A tag for each word of a sentence: its objective, the entities that tags mark, their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from app.domain.tagging import mark_entities, split_tag
from app.learn.data.examples import NO_WORD
from app.learn.intervals import Clusters, Measures, Totals, f1_measures, ratio, with_intervals
from app.learn.tasks.contract import Objective, PrimaryMetric, RowAnswers
from app.learn.tasks.single_label import (
    LEAST_PROBABILITY,
    chance_baseline,
    class_weights,
    majority_baseline,
    per_class,
    row_statistics,
)

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.data.examples import Examples, Inputs

_OUTSIDE, _BEGIN, _INSIDE, _END, _SINGLE = range(5)
_CODES = {"O": _OUTSIDE, "B": _BEGIN, "I": _INSIDE, "E": _END, "S": _SINGLE}
_SHARES = {"accuracy": ("correct", "words")}
_LOSSES = frozenset({"log_loss"})


@dataclass(frozen=True)
class EntityCounts:
    """By sentence and entity type, float32 (n, types): entities right, predicted, and true."""

    hits: np.ndarray
    guesses: np.ndarray
    truths: np.ndarray


@dataclass(frozen=True)
class TagScheme:
    """What each of `labels` says of its word; where they mark no entities, each word is one."""

    labels: tuple[str, ...]

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The entity types, sorted; of plain tags (parts of speech), the tags but "O"."""
        return tuple(sorted({kind for _, kind in self._parts if kind}))

    def entities(self, tags: np.ndarray) -> np.ndarray:
        """The entities in `tags` (int (n, words), negative where there is no word).

        Returns int64 (m, 4): sentence, first word, last word, type. An entity goes on with I or E
        of its own type after B or I; any other tag but O begins one. That is how conlleval counts
        (Tjong Kim Sang and De Meulder, 2003), and seqeval where `mode` is not given.
        """
        # A column of O at either end, so that no entity reaches out of its sentence.
        padded = np.pad(tags, ((0, 0), (1, 1)), constant_values=-1)
        known = padded.clip(min=0)
        code = np.where(padded < 0, _OUTSIDE, self._codes[known])
        kind = np.where(padded < 0, -1, self._kinds[known])
        goes_on = np.zeros_like(padded, dtype=bool)
        goes_on[:, 1:] = (
            np.isin(code[:, 1:], (_INSIDE, _END))
            & np.isin(code[:, :-1], (_BEGIN, _INSIDE))
            & (kind[:, 1:] == kind[:, :-1])
        )
        inside = code != _OUTSIDE
        sentence, first = np.nonzero(inside & ~goes_on)
        _, last = np.nonzero(inside[:, :-1] & ~goes_on[:, 1:])
        return np.stack([sentence, first - 1, last - 1, kind[sentence, first]], axis=1)

    def count(self, predicted: np.ndarray, true: np.ndarray) -> EntityCounts:
        """Compare two taggings of the same sentences; an entity is right where all of it is."""
        guesses, truths = self.entities(predicted), self.entities(true)
        found = set(map(tuple, truths.tolist()))
        right = np.array([tuple(one) in found for one in guesses.tolist()], dtype=bool)
        sentences = len(true)
        return EntityCounts(
            self._by_type(guesses[right], sentences),
            self._by_type(guesses, sentences),
            self._by_type(truths, sentences),
        )

    def _by_type(self, entities: np.ndarray, sentences: int) -> np.ndarray:
        counts = np.zeros((sentences, len(self.types)), dtype=np.float32)
        np.add.at(counts, (entities[:, 0], entities[:, 3]), 1)
        return counts

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        if mark_entities(self.labels):
            return [split_tag(label) or ("O", "") for label in self.labels]
        return [("O", "") if label == "O" else ("S", label) for label in self.labels]

    @cached_property
    def _codes(self) -> np.ndarray:
        return np.array([_CODES[prefix] for prefix, _ in self._parts])

    @cached_property
    def _kinds(self) -> np.ndarray:
        position = {kind: i for i, kind in enumerate(self.types)}
        return np.array([position.get(kind, -1) for _, kind in self._parts])


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

    def loss_weight(self, targets: Tensor, weights: Tensor | None = None) -> float:
        """Words, each by the weight of its tag."""
        words = targets[targets != NO_WORD]
        return float(len(words) if weights is None else weights[words].sum())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Softmax over the tags of each word."""
        return logits.float().softmax(dim=-1)

    def class_weights(self, targets: np.ndarray) -> np.ndarray:
        """Inverse to each tag's frequency among the words."""
        return class_weights(targets[targets != NO_WORD], len(self.labels))

    def primary_metric(self, probabilities: np.ndarray, targets: np.ndarray) -> PrimaryMetric:
        """Micro F1 of entities."""
        targets = targets[:, : probabilities.shape[1]]
        counts = self.scheme.count(self.tags(probabilities, targets), targets)
        right = counts.hits.sum(axis=1)
        claimed = counts.guesses.sum(axis=1) + counts.truths.sum(axis=1)
        return PrimaryMetric(np.stack([right, claimed], axis=1), _f1)

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
        """The scores of `score_tags`."""
        targets = targets[:, : probabilities.shape[1]]
        return score_tags(self.scheme, probabilities, targets, clusters)

    def row_answers(self, probabilities: np.ndarray, targets: np.ndarray) -> RowAnswers:
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
        flat = majority_baseline(targets[targets != NO_WORD], shape[0] * shape[1], shape[2])
        return flat.reshape(shape)

    def chance(self, targets: np.ndarray, inputs: Inputs, seed: int) -> np.ndarray:
        """Tags drawn word by word, as often as they are in `targets`."""
        shape = self.answer_shape(inputs)
        flat = chance_baseline(targets[targets != NO_WORD], shape[0] * shape[1], shape[2], seed)
        return flat.reshape(shape)

    def text_baseline(self, train: Examples, inputs: Inputs) -> np.ndarray | None:
        """Logistic regression on each word, its characters and its neighbours."""
        from app.learn.tasks.baselines import tag_by_word_features

        return tag_by_word_features(train, inputs, len(self.labels))

    def tags(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The likeliest tags, int64 (n, words), `NO_WORD` where `targets` has no word."""
        return np.where(targets == NO_WORD, NO_WORD, probabilities.argmax(axis=2))


def _f1(total: np.ndarray) -> np.ndarray:
    return ratio(2 * total[:, 0], total[:, 1])


def score_tags(
    scheme: TagScheme,
    probabilities: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `probabilities` (float (n, words, classes)) against `targets` (int (n, words)).

    `clusters` int (n,) are sentences that are not independent, each by itself unless given.

    Returns entity_f1, entity_precision and entity_recall over all entities, macro_f1 (the mean
    over entity types that occur), and over words accuracy, log_loss and
    expected_calibration_error, each as `{"value", "low", "high"}`: a sentence is the least that is
    left out by the jackknife, since its words are no independent draws. `sample` says how many
    sentences and clusters there are. `per_class` has precision, recall, f1 and support of each
    entity type; `confusion` counts words by tag, [true][predicted].
    """
    there = targets != NO_WORD
    predicted = np.where(there, probabilities.argmax(axis=2), NO_WORD)
    counted = scheme.count(predicted, targets)
    parts = Clusters.of(clusters, len(targets))
    statistics = {
        **{"hits": counted.hits, "guesses": counted.guesses, "truths": counted.truths},
        **_word_sums(probabilities, targets, there),
    }
    confusion = np.zeros((len(scheme.labels), len(scheme.labels)), dtype=np.int64)
    np.add.at(confusion, (targets[there], predicted[there]), 1)
    hits, guesses, truths = (
        part.sum(axis=0) for part in (counted.hits, counted.guesses, counted.truths)
    )
    return {
        **with_intervals(_measures, statistics, parts, _SHARES, _LOSSES),
        "sample": parts.described(),
        "per_class": per_class(scheme.types, hits, guesses, truths),
        "confusion": confusion.tolist(),
    }


def _word_sums(
    probabilities: np.ndarray, targets: np.ndarray, there: np.ndarray
) -> dict[str, np.ndarray]:
    """Sums over the words of each sentence, (n,); `gaps` is (n, bins)."""
    sentence = np.nonzero(there)[0]
    found = row_statistics(probabilities[there], targets[there])

    def by_sentence(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(targets), *values.shape[1:]), dtype=np.float32)
        np.add.at(sums, sentence, values)
        return sums

    return {
        "words": there.sum(axis=1).astype(np.float32),
        "correct": by_sentence(found.correct),
        "losses": by_sentence(found.losses),
        "gaps": by_sentence(found.gaps),
    }


def _measures(sums: Totals) -> Measures:
    words = sums["words"]
    of_entities = f1_measures(sums["hits"], sums["guesses"], sums["truths"])
    return {
        **{f"entity_{name}": of_entities[name] for name in ("f1", "precision", "recall")},
        "macro_f1": of_entities["macro_f1"],
        "accuracy": sums["correct"] / words,
        "log_loss": sums["losses"] / words,
        "expected_calibration_error": np.abs(sums["gaps"]).sum(axis=1) / words,
    }
