"""Tags of words: scores against seqeval's, and what padding must not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from seqeval import metrics as reference

from app.learn.data.examples import NO_WORD, Examples
from app.learn.tasks.tagging import Tagging

BIO = ("O", "B-AREA", "I-AREA", "B-NAME", "I-NAME")
BIOES = ("O", *(f"{prefix}-{kind}" for kind in ("AREA", "NAME") for prefix in "BIES"))


def _answers(
    labels: tuple[str, ...], sentences: int = 60, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random tags of sentences of 1 to 9 words, half of them predicted right."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, len(labels), (sentences, 9))
    targets[np.arange(9) >= draw.integers(1, 10, (sentences, 1))] = NO_WORD
    probabilities = draw.dirichlet(np.ones(len(labels)), (sentences, 9)).astype(np.float32)
    known = (draw.random((sentences, 9)) < 0.5) & (targets != NO_WORD)
    probabilities[known, targets[known]] += 1
    return probabilities / probabilities.sum(axis=2, keepdims=True), targets


def _in_words(labels: tuple[str, ...], tags: np.ndarray, there: np.ndarray) -> list[list[str]]:
    return [[labels[tag] for tag in row[on]] for row, on in zip(tags, there, strict=True)]


@pytest.mark.parametrize("labels", [BIO, BIOES], ids=["BIO", "BIOES"])
@pytest.mark.parametrize("seed", range(5))
def test_entity_scores_are_those_of_seqeval(labels: tuple[str, ...], seed: int) -> None:
    probabilities, targets = _answers(labels, seed=seed)
    there = targets != NO_WORD
    true = _in_words(labels, targets, there)
    predicted = _in_words(labels, probabilities.argmax(axis=2), there)
    found = Tagging(labels).score(probabilities, targets)
    for name, expected in (
        ("entity_f1", reference.f1_score(true, predicted)),
        ("entity_precision", reference.precision_score(true, predicted)),
        ("entity_recall", reference.recall_score(true, predicted)),
        ("macro_f1", reference.f1_score(true, predicted, average="macro")),
        ("accuracy", reference.accuracy_score(true, predicted)),
    ):
        assert found[name]["value"] == pytest.approx(expected, abs=1e-9), name
        assert found[name]["low"] <= expected <= found[name]["high"]
    report: Any = reference.classification_report(true, predicted, output_dict=True)
    for scores in found["per_class"]:
        expected = report[scores["label"]]
        assert scores["f1"] == pytest.approx(expected["f1-score"])
        assert scores["support"] == expected["support"]
    assert np.sum(found["confusion"]) == there.sum()


def test_an_entity_does_not_reach_into_the_next_sentence() -> None:
    scheme = Tagging(BIO).scheme
    tags = np.array([[0, 1], [2, 2]])
    assert scheme.entities(tags).tolist() == [[0, 1, 1, 0], [1, 0, 1, 0]]


def test_plain_tags_count_each_word_by_itself() -> None:
    objective = Tagging(("NOUN", "VERB"))
    probabilities = np.eye(2, dtype=np.float32)[np.array([[0, 0, 1], [1, 1, 0]])]
    targets = np.array([[0, 0, 0], [1, 1, NO_WORD]])
    assert objective.primary_metric(probabilities, targets).value == pytest.approx(4 / 5)


def test_what_stands_behind_a_sentence_changes_nothing() -> None:
    probabilities, targets = _answers(BIO)
    there = targets != NO_WORD
    other = probabilities.copy()
    other[~there] = np.eye(len(BIO))[1]
    objective = Tagging(BIO)
    assert objective.score(probabilities, targets) == objective.score(other, targets)
    logits, wanted = torch.randn(60, 9, 5), torch.from_numpy(targets)
    padded = torch.nn.functional.pad(wanted, (0, 4), value=NO_WORD)
    assert objective.loss(logits, wanted) == objective.loss(logits, padded)


def test_rows_say_a_tag_for_each_word_and_no_more() -> None:
    probabilities, targets = _answers(BIO)
    rows = Tagging(BIO).row_answers(probabilities, targets)
    lengths = (targets != NO_WORD).sum(axis=1).tolist()
    for part in (rows.truth, rows.predicted, rows.probabilities):
        assert [len(one) for one in part] == lengths
    assert rows.probability.min() >= 0
    assert rows.probability.max() <= 1


def test_the_baseline_of_words_tags_what_it_has_seen() -> None:
    sentences = [("turn", "on", "Luna"), ("Luna", "in", "the", "Garage"), ("off",)]
    targets = np.array([[0, 0, 3, NO_WORD], [3, 0, 0, 1], [0] + [NO_WORD] * 3])
    train = Examples(inputs=sentences * 5, targets=np.tile(targets, (5, 1)), rows=np.arange(15))
    objective = Tagging(BIO)
    answers = objective.text_baseline(train, [("turn", "off", "Luna"), ("Garage",)])
    assert answers is not None
    assert answers.argmax(axis=2)[0].tolist() == [0, 0, 3]
    assert answers.argmax(axis=2)[1, 0] == 1
    assert objective.majority(targets, sentences).argmax(axis=2).max() == 0


def test_class_weights_lift_the_rare_tags() -> None:
    _, targets = _answers(BIO)
    targets[targets == 1] = 0
    weights = Tagging(BIO).class_weights(targets)
    assert weights[1] == 0
    assert weights[0] == weights.min(where=weights > 0, initial=9)
