"""Scores of tagged sentences: by entities, and by words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.entities import EntityCounts, TagScheme
from app.learn.examples import NO_WORD
from app.learn.intervals import Measures, f1_measures, with_intervals
from app.learn.metrics import per_class
from app.learn.row_statistics import BINS, row_statistics


def score_tags(
    scheme: TagScheme, probabilities: np.ndarray, targets: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """Score `probabilities` (float (n, words, classes)) against `targets` (int (n, words)).

    Returns entity_f1, entity_precision and entity_recall over all entities, macro_f1 (the mean
    over entity types that occur), and over words accuracy, log_loss and
    expected_calibration_error, each as `{"value", "low", "high"}`: the bootstrap draws whole
    sentences, since the words of one sentence are no independent draws. `per_class` has
    precision, recall, f1 and support of each entity type; `confusion` counts words by tag,
    [true][predicted].
    """
    there = targets != NO_WORD
    predicted = np.where(there, probabilities.argmax(axis=2), NO_WORD)
    counted = scheme.count(predicted, targets)
    words = _word_sums(probabilities, targets, there)
    confusion = np.zeros((len(scheme.labels), len(scheme.labels)), dtype=np.int64)
    np.add.at(confusion, (targets[there], predicted[there]), 1)
    hits, guesses, truths = (
        part.sum(axis=0) for part in (counted.hits, counted.guesses, counted.truths)
    )
    return {
        **with_intervals(lambda counts: _measures(counts, counted, words), len(targets), seed),
        "per_class": per_class(scheme.types, hits, guesses, truths),
        "confusion": confusion.tolist(),
    }


@dataclass(frozen=True)
class _WordSums:
    """Sums over the words of each sentence, float32 (n,); `gaps` is (n, BINS)."""

    words: np.ndarray
    correct: np.ndarray
    losses: np.ndarray
    gaps: np.ndarray


def _word_sums(probabilities: np.ndarray, targets: np.ndarray, there: np.ndarray) -> _WordSums:
    sentence = np.nonzero(there)[0]
    found = row_statistics(probabilities[there], targets[there])

    def by_sentence(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(targets), *values.shape[1:]), dtype=np.float32)
        np.add.at(sums, sentence, values)
        return sums

    return _WordSums(
        there.sum(axis=1).astype(np.float32),
        by_sentence(found.correct),
        by_sentence(found.losses),
        by_sentence(found.gaps),
    )


def _measures(counts: np.ndarray, entities: EntityCounts, words: _WordSums) -> Measures:
    total = counts @ words.words
    of_entities = f1_measures(
        counts @ entities.hits, counts @ entities.guesses, counts @ entities.truths
    )
    gaps = np.abs(counts @ words.gaps).reshape(-1, BINS).sum(axis=1)
    return {
        **{f"entity_{name}": of_entities[name] for name in ("f1", "precision", "recall")},
        "macro_f1": of_entities["macro_f1"],
        "accuracy": counts @ words.correct / total,
        "log_loss": counts @ words.losses / total,
        "expected_calibration_error": gaps / total,
    }
