"""Scores of tagged sentences: by entities, and by words."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.entities import TagScheme
from app.learn.examples import NO_WORD
from app.learn.intervals import Clusters, Measures, Totals, f1_measures, with_intervals
from app.learn.metrics import per_class
from app.learn.row_statistics import row_statistics

_SHARES = {"accuracy": ("correct", "words")}
_LOSSES = frozenset({"log_loss"})


def score_tags(
    scheme: TagScheme,
    probabilities: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `probabilities` (float (n, words, classes)) against `targets` (int (n, words)).

    `clusters` int (n,) are sentences that tell of each other, each by itself unless given.

    Returns entity_f1, entity_precision and entity_recall over all entities, macro_f1 (the mean
    over entity types that occur), and over words accuracy, log_loss and
    expected_calibration_error, each as `{"value", "low", "high"}`: a sentence is the least that is
    left out by the jackknife, since its words are no independent draws. `sample` says how many
    sentences and clusters there are. `per_class` has
    precision, recall, f1 and support of each entity type; `confusion` counts words by tag,
    [true][predicted].
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
