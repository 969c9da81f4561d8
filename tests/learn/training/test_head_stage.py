"""The strategy `head` where the head is one linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from app.domain.enums import Task
from app.learn.callbacks import NullMonitor
from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import NO_WORD, Examples, Inputs
from app.learn.heads.logistic import LinearHead, write_linear_head
from app.learn.inference import predict
from app.learn.network import Batch
from app.learn.training.recipe import Strategy, TrainingOptions
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from tests.learn.heads.test_adapt_head import Given

WIDTH, CLASSES = 64, 3


def _trained(
    network: Given, train: Examples, validation: Examples | None = None, **chosen: Any
) -> tuple[Given, list[dict[str, Any]]]:
    rows = TrainingRows(train, (Stream(np.arange(len(train))),), validation)
    options = TrainingOptions(strategy=Strategy.HEAD, **chosen)
    return network, adapt(network, rows, options, 0, NullMonitor())[0]


def _accuracy(network: Given, rows: Examples) -> float:
    return float((predict(network, rows.inputs).argmax(axis=-1) == rows.targets).mean())


def _source(hidden: bool = False) -> tuple[Given, Examples]:
    """A network whose head is right on 3 of 4 points, and 2,000 such points.

    Each lies about its class's middle, which the head knows but for an error.
    """
    random = np.random.default_rng(0)
    middles = random.normal(size=(CLASSES, WIDTH)) * 0.3
    targets = random.integers(0, CLASSES, 2000)
    vectors = (middles[targets] + random.normal(size=(2000, WIDTH))).astype(np.float32)
    names = [str(i) for i in range(2000)]
    network = Given(dict(zip(names, vectors, strict=True)), hidden)
    if not hidden:
        known = middles + random.normal(size=middles.shape) * 0.4
        write_linear_head(network, LinearHead(known.T, -(known**2).sum(axis=1) / 2))
    return network, Examples(names, targets.astype(np.int64), np.arange(2000))


def _wide_source() -> tuple[Given, Examples]:
    """2,000 noisy vectors of length 1 and 384 numbers, and a head that is nearly the best one."""
    random = np.random.default_rng(0)
    middles = random.normal(size=(CLASSES, 384))
    targets = random.integers(0, CLASSES, 2000)
    vectors = middles[targets] + 14 * random.normal(size=(2000, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [str(i) for i in range(2000)]
    network = Given(dict(zip(names, vectors.astype(np.float32), strict=True)))
    head = 20 * middles / np.linalg.norm(middles, axis=1, keepdims=True)
    write_linear_head(network, LinearHead(head.T, np.zeros(CLASSES)))
    return network, Examples(names, targets.astype(np.int64), np.arange(2000))


def test_few_labels_do_not_lead_away_from_what_the_source_knows() -> None:
    losses = []
    for sample in range(5):
        network, rows = _source()
        held = rows.take(np.arange(1000, 2000))
        before = _accuracy(network, held)
        few = rows.take(np.arange(32 * sample, 32 * sample + 32))
        losses.append(before - _accuracy(_trained(network, few)[0], held))
    assert before > 0.7
    assert np.mean(losses) < 0.02


def test_few_labels_of_wide_vectors_harm_less_than_steps_would() -> None:
    """A sentence vector has far more numbers than there are labels, and steps fit its noise."""
    lost: dict[str, list[float]] = {"regression": [], "steps": []}
    for sample in range(3):
        for way, chosen in (("regression", {}), ("steps", {"max_steps": 300})):
            network, rows = _wide_source()
            held = rows.take(np.arange(1000, 2000))
            before = _accuracy(network, held)
            few = rows.take(np.arange(32 * sample, 32 * sample + 32))
            lost[way].append(before - _accuracy(_trained(network, few, **chosen)[0], held))
    assert np.mean(lost["steps"]) > 0.05
    assert np.mean(lost["regression"]) < 0.03


def test_many_labels_are_learnt_from() -> None:
    network, rows = _source()
    held = rows.take(np.arange(1000, 2000))
    before = _accuracy(network, held)
    assert _accuracy(_trained(network, rows.take(np.arange(1000)))[0], held) > before + 0.05


def test_what_was_better_on_validation_rows_stays() -> None:
    network, rows = _source()
    before = [p.detach().clone() for p in network.head_parameters()]
    train = rows.take(np.arange(32))
    wrong = Examples(train.inputs, (train.targets + 1) % CLASSES, train.rows)
    _, history = _trained(network, wrong, rows.take(np.arange(1000, 1400)))
    assert history[-1]["validation_accuracy"] < 0.6
    assert all(map(torch.equal, before, network.head_parameters()))


@pytest.mark.parametrize("chosen", [{"epochs": 2}, {"max_steps": 7}, {"head_learning_rate": 1e-3}])
def test_who_asks_for_steps_gets_them(chosen: dict[str, Any]) -> None:
    network, rows = _source()
    _, history = _trained(network, rows.take(np.arange(64)), **chosen)
    assert "penalty" not in history[0]
    assert history[-1]["step"] == {"epochs": 2, "max_steps": 7}.get(next(iter(chosen)), 300)


def test_a_head_with_a_hidden_layer_is_trained_in_steps() -> None:
    network, rows = _source(hidden=True)
    _, history = _trained(network, rows.take(np.arange(64)))
    assert "penalty" not in history[0]
    assert _accuracy(network, rows.take(np.arange(64))) > 0.9


class Tagger(Given):
    """A network whose sentences are of words that are keys of vectors."""

    task = Task.TOKEN_CLASSIFICATION

    def collate(self, inputs: Inputs) -> Batch:
        longest = max(len(sentence) for sentence in inputs)
        blank = np.zeros(WIDTH, dtype=np.float32)
        rows = [[self.known[w] for w in s] + [blank] * (longest - len(s)) for s in inputs]
        return {"vectors": torch.tensor(np.array(rows))}

    def lengths(self, inputs: Inputs) -> list[int]:
        return [len(sentence) for sentence in inputs]


def _tagged() -> tuple[Tagger, Examples]:
    """Words on a few long axes that say nothing, and short ones that tell B, I and O apart.

    Vectors of transformers are like that, which is what gradient descent takes long over.
    """
    random = np.random.default_rng(1)
    lengths = random.integers(3, 9, 200)
    tags = random.choice(3, (200, 8), p=[0.15, 0.1, 0.75])
    tags[np.arange(8) >= lengths[:, None]] = NO_WORD
    spread = np.where(np.arange(WIDTH) < 4, 3.0, 0.3)
    middles = random.normal(size=(3, WIDTH)) * np.where(np.arange(WIDTH) < 4, 0.0, 0.1)
    known: dict[str, np.ndarray] = {}
    for row, length in enumerate(lengths):
        for place in range(length):
            vector = middles[tags[row, place]] + random.normal(size=WIDTH) * spread
            known[f"{row} {place}"] = vector.astype(np.float32)
    inputs = [tuple(f"{row} {i}" for i in range(n)) for row, n in enumerate(lengths)]
    network = Tagger(known)
    network.labels = ("B-X", "I-X", "O")
    return network, Examples(inputs, tags.astype(np.int64), np.arange(200))


def test_a_fresh_tagger_is_as_good_as_logistic_regression_on_the_same_vectors() -> None:
    network, rows = _tagged()
    train, held = rows.take(np.arange(60)), rows.take(np.arange(60, 200))
    words = {"train": train, "held": held}
    vectors = {
        name: np.array([network.known[w] for sentence in part.inputs for w in sentence])
        for name, part in words.items()
    }
    tags = {name: part.targets[part.targets != NO_WORD] for name, part in words.items()}
    reference = 0.0
    for strength in (0.1, 1.0, 10.0):
        model = LogisticRegression(C=strength, max_iter=3000).fit(vectors["train"], tags["train"])
        reference = max(reference, _macro_recall(model.predict(vectors["held"]), tags["held"]))
    _trained(network, train)
    answers = predict(network, held.inputs).argmax(axis=2)
    score = _macro_recall(answers[held.targets != NO_WORD], tags["held"])
    assert reference > 0.6
    assert score > reference - 0.05


def _macro_recall(said: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([(said[truth == tag] == tag).mean() for tag in range(3)]))
