"""Features that are computed once, and equal bit by bit wherever they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import Examples, Inputs
from app.learn.inference import encode, encoder_digest, predict, predict_frozen
from app.learn.network import Batch, Network
from app.learn.training.recipe import Strategy, TrainingOptions
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from app.learn.vector_cache import MemoryVectorCache
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import a_declared_digit_reader, a_text_classifier


def read(folder: Path) -> Network:
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_text_classifier(tmp_path / "model", labels=LABELS)


@pytest.fixture(params=["text", "image"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Network, Examples]:
    if request.param == "text":
        return read(a_text_classifier(tmp_path / "m", labels=LABELS)), labelled_examples(60, "de")
    return read(a_declared_digit_reader(tmp_path / "m")), image_examples(60)


def vectors_of(network: Network, inputs: Inputs, kept: MemoryVectorCache | None) -> torch.Tensor:
    found = encode(network, inputs, kept, NullMonitor())
    assert found is not None
    return found


def test_a_vector_is_the_same_in_any_company_and_from_any_cache(
    subject: tuple[Network, Examples],
) -> None:
    network, rows = subject
    some = rows.take(np.array([41, 3, 17, 58, 20]))
    kept = MemoryVectorCache()
    alone = vectors_of(network, some.inputs, kept)
    fresh = vectors_of(network, rows.inputs, None)
    partly_known = vectors_of(network, rows.inputs, kept)
    known = vectors_of(network, rows.inputs, kept)
    assert torch.equal(fresh[[41, 3, 17, 58, 20]], alone)
    assert torch.equal(fresh, partly_known)
    assert torch.equal(fresh, known)


def test_a_content_is_encoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, kept = read(folder), MemoryVectorCache()
    vectors_of(network, ["ein Lied", "noch eins"], kept)

    def never(batch: Batch) -> torch.Tensor:
        raise AssertionError("encoded again")

    monkeypatch.setattr(network, "features", never)
    assert len(vectors_of(network, ["noch eins", "ein Lied", "noch eins"], kept)) == 3


def test_a_trained_head_and_its_answers_are_the_same_with_and_without_a_cache(
    folder: Path,
) -> None:
    train, held = labelled_examples(40, "de"), labelled_examples(15, "en")
    kept = MemoryVectorCache()
    answers = []
    for vectors in (None, kept, kept):
        network = read(folder)
        rows = TrainingRows(train, (Stream(np.arange(40)),), held, vectors)
        adapt(
            network, rows, TrainingOptions(strategy=Strategy.HEAD, max_steps=20), 0, NullMonitor()
        )
        answers.append(predict_frozen(network, held.inputs, vectors, NullMonitor()))
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])
    np.testing.assert_allclose(answers[0], predict(network, held.inputs), atol=1e-5)


def test_a_digest_knows_the_body_and_not_the_head(folder: Path) -> None:
    network = read(folder)
    before = encoder_digest(network)
    assert before == encoder_digest(read(folder))
    with torch.no_grad():
        next(iter(network.head_parameters())).add_(1.0)
    assert encoder_digest(network) == before
    with torch.no_grad():
        next(iter(network.body_parameters()))[0].add_(1.0)
    assert encoder_digest(network) != before


def test_a_digest_knows_the_greatest_length_of_a_text(folder: Path) -> None:
    whole = encoder_digest(read(folder))
    settings = folder / "tokenizer_config.json"
    settings.write_text(
        settings.read_text().replace('"model_max_length": 64', '"model_max_length": 8')
    )
    assert encoder_digest(read(folder)) != whole


def test_a_network_that_cannot_name_its_settings_is_never_cached(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, kept = read(folder), MemoryVectorCache()
    monkeypatch.setattr(network, "body_settings", lambda: None)
    vectors_of(network, ["ein Lied"], kept)
    assert kept.get("", ["ein Lied"]) == [None]
    assert encoder_digest(network) is None
