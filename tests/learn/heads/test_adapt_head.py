"""A head adapted to another language on a frozen body."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples, Inputs
from app.learn.heads.adapt_head import HeadNotLinear, HeadRows, adapt_head
from app.learn.heads.logistic import LinearHead, read_linear_head, write_linear_head
from app.learn.inference import predict
from app.learn.network import Batch, Network
from tests.support.datasets import LABELS
from tests.support.models import a_declared_digit_reader, a_text_classifier


class Given(Network):
    """A network whose texts are keys of vectors; `hidden` puts a layer into its head."""

    def __init__(self, vectors: dict[str, np.ndarray], hidden: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.labels = ("a", "b", "c")
        self.known = vectors
        width = len(next(iter(vectors.values())))
        self.body = nn.Linear(1, 1)
        last = nn.Linear(width, 3)
        self.last = nn.Sequential(nn.Linear(width, width), nn.Tanh(), last) if hidden else last

    def collate(self, inputs: Inputs) -> Batch:
        return {"vectors": torch.tensor(np.stack([self.known[x] for x in inputs])).float()}

    def lengths(self, inputs: Inputs) -> list[int]:
        return [1] * len(inputs)

    def features(self, batch: Batch) -> torch.Tensor:
        return batch["vectors"]

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return self.last(features)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        return self.last.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError


def language(name: str, count: int, seed: int, shift: float) -> tuple[dict, Examples]:
    """Vectors of three classes; `shift` moves all vectors of the language."""
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    vectors = 0.1 * np.eye(8)[targets] + 0.02 * draw.normal(size=(count, 8)) + shift * np.eye(8)[0]
    names = [f"{name} {i}" for i in range(count)]
    return dict(zip(names, vectors, strict=True)), Examples(names, targets, np.arange(count))


def accuracy(network: Network, rows: Examples) -> float:
    return float((predict(network, rows.inputs).argmax(axis=1) == rows.targets).mean())


def test_the_means_of_both_languages_are_made_to_meet() -> None:
    known, source = language("source", 300, 0, 0.0)
    target_vectors, target = language("target", 300, 1, 0.3)
    network = Given(known | target_vectors)
    few = target.take(np.arange(6))
    held = target.take(np.arange(200, 300))
    adapt_head(network, HeadRows(source), 0, NullMonitor())
    assert accuracy(network, held) < 0.5
    rows = HeadRows(few, source, texts=list(target.inputs[6:200]))
    _, _, account = adapt_head(network, rows, 0, NullMonitor())
    assert accuracy(network, held) > 0.95
    assert account["aligned_means"]


def test_few_labels_do_not_undo_what_the_source_knows() -> None:
    known, source = language("source", 300, 0, 0.0)
    target_vectors, target = language("target", 300, 1, 0.0)
    network = Given(known | target_vectors)
    adapt_head(network, HeadRows(source), 0, NullMonitor())
    before = accuracy(network, target)
    adapt_head(network, HeadRows(target.take(np.arange(5))), 0, NullMonitor())
    assert accuracy(network, target) >= before - 0.02


def test_a_head_with_a_hidden_layer_is_not_linear() -> None:
    known, rows = language("source", 30, 0, 0.0)
    with pytest.raises(HeadNotLinear):
        adapt_head(Given(known, hidden=True), HeadRows(rows), 0, NullMonitor())


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_written_head_answers_as_said(kind: str, tmp_path: Path) -> None:
    folder = (
        a_text_classifier(tmp_path / "m", labels=LABELS)
        if kind == "text"
        else a_declared_digit_reader(tmp_path / "m")
    )
    found = detect_format(folder)
    network = found.load(folder, found.inspect(folder, ModelHints()))
    width = 32 if kind == "text" else 256
    before = read_linear_head(network, width)
    assert before is not None
    draw = np.random.default_rng(0)
    wanted = LinearHead(draw.normal(size=before.weight.shape), draw.normal(size=before.bias.shape))
    write_linear_head(network, wanted)
    features = draw.normal(size=(5, width))
    with torch.no_grad():
        answers = network.head(torch.from_numpy(features).float()).double().numpy()
    np.testing.assert_allclose(answers, wanted.logits(features), atol=1e-4)


def test_a_head_is_written_for_features_that_lie_far_from_zero() -> None:
    """The bias is then thousands of times a weight, and reading the weights back rounds."""
    network = Given({"a": np.zeros(16, dtype=np.float32)})
    random = np.random.default_rng(0)
    head = LinearHead(random.normal(size=(16, 3)), 30_000 * random.normal(size=3))
    write_linear_head(network, head)
    found = read_linear_head(network, 16)
    assert found is not None
    assert np.abs(found.weight - head.weight).max() < 0.1
