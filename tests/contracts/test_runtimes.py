"""Every runtime answers as the network itself does, whatever shares a batch with an input."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.enums import Task
from app.domain.models import ImageInput, ModelFacts, ModelHints
from app.formats.catalog import detect_format
from app.learn.inference import predict
from app.learn.network import Network
from app.runtimes.contract import Runtime
from app.runtimes.onnx.export import export_network
from app.runtimes.onnx.onnxruntime_engine import open_onnx
from app.runtimes.onnx.openvino_engine import open_openvino
from app.runtimes.torch_runtime import TorchRuntime
from tests.support.bridged_models import (
    a_bridged_classifier,
    a_bridged_encoder,
    a_centred_classifier,
)
from tests.support.models import (
    INTENTS,
    SENTENCES,
    TAGS,
    a_declared_digit_reader,
    a_label_set_classifier,
    a_sentence_encoder,
    a_text_classifier,
    a_token_classifier,
    an_encoder,
    an_image_classifier_hf,
)

_TOLERANCE = 1e-5
_ONNX_FILE = Path(__file__).parents[1] / "support/onnx_files/torch-dynamo-residual.onnx"
_MODELS: dict[str, Callable[[Path], Path]] = {
    "encoder": lambda folder: an_encoder(folder, labels=INTENTS),
    "encoder by its first token": lambda folder: an_encoder(folder, INTENTS, pooling="cls"),
    "encoder of several steps": lambda folder: _a_pooled_encoder(folder),
    "bridged encoder": a_bridged_encoder,
    "classifier": a_text_classifier,
    "centred classifier": a_centred_classifier,
    "bridged classifier": a_bridged_classifier,
    "several labels": a_label_set_classifier,
    "tagger": a_token_classifier,
    "encoder of words": lambda folder: an_encoder(folder, TAGS, task="token-classification"),
    "images": an_image_classifier_hf,
    "declared": a_declared_digit_reader,
    "onnx": lambda folder: _an_onnx_classifier(folder),
}


def _a_pooled_encoder(folder: Path) -> Path:
    """Every way of pooling at once, then a dense layer."""
    modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    a_sentence_encoder(
        folder, {"pooling_mode": modes}, {"in_features": 192, "out_features": 32}, normalize=True
    )
    network = detect_format(folder).load(
        folder, detect_format(folder).inspect(folder, ModelHints())
    )
    network.add_head(INTENTS)
    facts, saved = detect_format(folder).inspect(folder, ModelHints()), folder.with_name("headed")
    saved.mkdir()
    detect_format(folder).save(network, facts, saved)
    return saved


def _an_onnx_classifier(folder: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(_ONNX_FILE, folder / "model.onnx")
    return folder


@dataclass(frozen=True)
class Source:
    """A model, inputs of many lengths, and what its network answers to them."""

    folder: Path
    facts: ModelFacts
    inputs: list[Any]
    answers: list[np.ndarray]

    def network(self) -> Network:
        """The model, loaded anew."""
        return detect_format(self.folder).load(self.folder, self.facts)


@dataclass(frozen=True)
class Bench:
    """Builds each model once, and its graph once for all engines that compute it."""

    folder: Path
    sources: dict[str, Source] = field(default_factory=dict)

    def source(self, model: str) -> Source:
        """The model of that name."""
        if model not in self.sources:
            folder = _MODELS[model](self.folder / model)
            found = detect_format(folder)
            facts = found.inspect(folder, ModelHints())
            network, inputs = found.load(folder, facts), _inputs(facts)
            answers = [predict(network, _alone(one))[0] for one in inputs]
            self.sources[model] = Source(folder, facts, inputs, answers)
        return self.sources[model]

    def graph(self, model: str) -> Path:
        """The folder with the model's graph, which no engine changes."""
        folder, source = self.folder / f"graph of {model}", self.source(model)
        if not folder.exists():
            folder.mkdir()
            image = source.facts.input if isinstance(source.facts.input, ImageInput) else None
            export_network(source.network(), image, folder, fused=True, half_embeddings=True)
        return folder


_RUNTIMES: dict[str, Callable[[Bench, str], Runtime]] = {
    "torch": lambda bench, model: TorchRuntime(bench.source(model).network()),
    "onnx": lambda bench, model: open_onnx(bench.graph(model)),
    "openvino": lambda bench, model: open_openvino(bench.graph(model), "float32"),
}


@dataclass(frozen=True)
class Case:
    """A runtime of a model, inputs of many lengths, and what the network answers to them."""

    runtime: Runtime
    inputs: list[Any]
    answers: list[np.ndarray]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("runtimes"))


@pytest.fixture(
    scope="module",
    params=[(r, m) for r in _RUNTIMES for m in _MODELS],
    ids=[f"{r}, {m}" for r in _RUNTIMES for m in _MODELS],
)
def case(request: pytest.FixtureRequest, bench: Bench) -> Case:
    runtime, model = request.param
    source = bench.source(model)
    return Case(_RUNTIMES[runtime](bench, model), source.inputs, source.answers)


def test_it_answers_as_the_network_does_and_in_order(case: Case) -> None:
    found = case.runtime.run(case.runtime.prepare(case.inputs), threads=1)
    assert len(found) == len(case.inputs)
    for answer, wanted in zip(found, case.answers, strict=True):
        assert answer.dtype == np.float32
        assert answer.shape == wanted.shape
        np.testing.assert_allclose(answer, wanted, atol=_TOLERANCE)


def test_the_company_of_an_input_and_the_processors_change_nothing(case: Case) -> None:
    prepared = case.runtime.prepare(case.inputs)
    turned = case.runtime.run(prepared[::-1], threads=2)[::-1]
    for one, wanted, in_company in zip(prepared, case.answers, turned, strict=True):
        [alone] = case.runtime.run([one], threads=1)
        np.testing.assert_allclose(alone, wanted, atol=_TOLERANCE)
        np.testing.assert_allclose(in_company, wanted, atol=_TOLERANCE)


def test_a_text_that_is_read_in_part_is_known_by_it(case: Case) -> None:
    """The first text is longer than the network takes; taggers read on in a further piece."""
    found = [one.truncated for one in case.runtime.prepare(case.inputs)]
    assert found == [isinstance(case.inputs[0], str), *([False] * (len(case.inputs) - 1))]


def test_sizes_and_costs_are_said(case: Case) -> None:
    assert case.runtime.size_bytes > 1000
    costs = [one.cost for one in case.runtime.prepare(case.inputs)]
    assert min(costs) >= 1
    if isinstance(case.inputs[0], str):
        assert costs[0] > costs[1]
    assert (case.runtime.engine, case.runtime.precision) in [
        ("torch", "float32"),
        ("onnxruntime", "float32"),
        ("openvino", "float32"),
    ]


def _inputs(facts: ModelFacts) -> list[Any]:
    if isinstance(facts.input, ImageInput):
        shape = (facts.input.channels, facts.input.height, facts.input.width)
        sizes = [shape] * 4
        if facts.input.resizes:
            sizes.append((shape[0], shape[1] + 9, shape[2] - 3))
        random = np.random.default_rng(0)
        return [random.integers(0, 256, size, dtype=np.uint8) for size in sizes]
    long = " ".join(SENTENCES * 2)  # more than the network takes
    texts = [long, *SENTENCES]
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [tuple(text.split()) for text in texts]
    return texts


def _alone(one: Any) -> Any:
    return one[None] if isinstance(one, np.ndarray) else [one]
