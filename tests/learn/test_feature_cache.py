"""The cache of a frozen body's features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.batch_sampler import Stream
from app.learn.inference import cache_features
from app.learn.network import Batch, Network
from app.learn.training.recipe import Strategy, TrainingOptions
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier

HEAD = TrainingOptions(strategy=Strategy.HEAD, max_steps=40)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    folder = a_text_classifier(tmp_path / "model", labels=LABELS)
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def test_the_head_on_cached_features_answers_as_the_whole_network(network: Network) -> None:
    rows = labelled_examples(40, "de")
    cached = cache_features(network, rows, NullMonitor())
    assert cached is not None
    chosen = np.array([7, 0, 33])
    with torch.no_grad():
        whole = network(network.collate([rows.inputs[i] for i in chosen]))
        torch.testing.assert_close(cached.logits(chosen), whole, atol=1e-5, rtol=1e-5)


def test_training_the_head_encodes_each_text_once(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    collate = network.collate

    def recording(inputs: list[str]) -> Batch:
        encoded.extend(set(inputs))  # a batch is filled up by repetition
        return collate(inputs)

    monkeypatch.setattr(network, "collate", recording)
    train, validation = labelled_examples(40, "de"), labelled_examples(10, "en")
    rows = TrainingRows(train, (Stream(np.arange(40)),), validation)
    adapt(network, rows, HEAD, 0, NullMonitor())
    assert sorted(encoded) == sorted(set(train.inputs) | set(validation.inputs))


class TokenNetwork(Network):
    """Features (n, tokens, 4) of random vectors per letter; the head reads what `reads` says."""

    def __init__(self, reads: str) -> None:
        super().__init__()
        self.labels = LABELS
        self.reads = reads
        self.body = torch.nn.Embedding(128, 4)
        self.out = torch.nn.Linear(4, 3)

    def collate(self, inputs: list[str]) -> Batch:
        longest = max(map(len, inputs))
        return {"ids": torch.tensor([[ord(c) % 128 for c in x.ljust(longest)] for x in inputs])}

    def lengths(self, inputs: list[str]) -> list[int]:
        return [len(x) for x in inputs]

    def features(self, batch: Batch) -> torch.Tensor:
        return self.body(batch["ids"])

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return self.out(features[:, 0] if self.reads == "first" else features.mean(dim=1))

    def head_parameters(self) -> list[torch.nn.Parameter]:
        return list(self.out.parameters())

    def add_head(self, labels: tuple[str, ...]) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError


def test_a_head_that_reads_the_first_token_alone_is_cached_by_it() -> None:
    rows = labelled_examples(70, "en")
    cached = cache_features(TokenNetwork("first"), rows, NullMonitor())
    assert cached is not None
    assert cached.features.shape == (70, 1, 4)


def test_a_head_that_pools_over_tokens_is_trained_without_a_cache() -> None:
    network = TokenNetwork("all")
    rows = labelled_examples(40, "en")
    assert cache_features(network, rows, NullMonitor()) is None
    body = network.body.weight.detach().clone()
    head = network.out.weight.detach().clone()
    adapt(network, TrainingRows(rows, (Stream(np.arange(40)),)), HEAD, 0, NullMonitor())
    assert torch.equal(network.body.weight, body)
    assert not torch.equal(network.out.weight, head)
