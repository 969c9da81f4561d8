"""Probabilities as predictions, in the words of the model's task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.domain.enums import Task
from app.domain.models import ModelFacts
from app.domain.predictions import (
    AnyPrediction,
    Entity,
    LabelSetPrediction,
    Prediction,
    TaggedPrediction,
    WordTag,
)
from app.learn.finite_answers import require_finite
from app.serving.inputs import PreparedInputs
from app.serving.sentences import Sentence


def as_predictions(
    facts: ModelFacts,
    inputs: PreparedInputs,
    probabilities: Sequence[np.ndarray],
    model: str,
    reading: Sequence[tuple[bool, int]],
) -> list[AnyPrediction]:
    """One prediction for each of `inputs`.

    `probabilities` has float32 (classes,), or (words, classes) for a tagger, for each input, and
    `reading` whether only part of it was read, and in how many windows.
    Raises AnswerNotFinite, which names `model` and the inputs.
    """
    require_finite(probabilities, f"The model {model}")
    if facts.task is Task.TOKEN_CLASSIFICATION:
        sentences = [one for one in inputs if isinstance(one, Sentence)]
        return [_tagged(facts, *pair) for pair in zip(sentences, probabilities, strict=True)]
    if facts.task is Task.MULTI_LABEL_CLASSIFICATION:
        return _label_sets(facts.labels, np.stack(probabilities), reading)
    return [
        _single(facts.labels, row.tolist(), *read)
        for row, read in zip(probabilities, reading, strict=True)
    ]


def _single(labels: tuple[str, ...], row: list[float], truncated: bool, windows: int) -> Prediction:
    likeliest = max(range(len(row)), key=row.__getitem__)
    return Prediction(labels[likeliest], dict(zip(labels, row, strict=True)), truncated, windows)


def _label_sets(
    labels: tuple[str, ...], probabilities: np.ndarray, reading: Sequence[tuple[bool, int]]
) -> list[AnyPrediction]:
    from app.learn.objectives.multi_label import MultiLabel

    predicted = MultiLabel(labels).predicted(probabilities)
    rows = zip(predicted, probabilities.tolist(), reading, strict=True)
    return [
        LabelSetPrediction(
            tuple(label for label, applies in zip(labels, applying, strict=True) if applies),
            dict(zip(labels, row, strict=True)),
            *read,
        )
        for applying, row, read in rows
    ]


def _tagged(facts: ModelFacts, sentence: Sentence, probabilities: np.ndarray) -> TaggedPrediction:
    """`probabilities`: float32 (words, tags)."""
    from app.learn.entities import TagScheme

    scheme = TagScheme(facts.labels)
    tags = probabilities.argmax(axis=1)
    words = tuple(
        WordTag(word, facts.labels[tag], float(row[tag]), *span)
        for word, tag, row, span in zip(
            sentence.words, tags, probabilities, sentence.spans, strict=True
        )
    )
    entities = []
    for _, first, last, kind in scheme.entities(tags[None]).tolist():
        start, end = sentence.spans[first][0], sentence.spans[last][1]
        text = sentence.text[start:end]
        entities.append(Entity(scheme.types[kind], text, first, last, start, end))
    return TaggedPrediction(words, tuple(entities))
