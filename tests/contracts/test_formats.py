"""What every model format promises, whatever lies in its folders."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from app.domain.enums import Format, Task
from app.domain.models import ModelFacts, ModelHints
from app.formats.catalog import ModelFormat, detect_format, format_named, formats
from app.learn.data.examples import Inputs
from app.learn.network import Network, move_batch
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
    a_text_classifier,
    a_token_classifier,
    an_encoder,
    an_image_classifier_hf,
)
from tests.support.word_vectors import word_vectors

ONNX_FILE = Path(__file__).parents[1] / "support/onnx_files/torch-classic-17-convolutional.onnx"
SOME_TEXTS = [*SENTENCES, "a", "a much longer sentence that is certainly cut somewhere " * 5]

SOME_WORDS = [tuple((text.split() * 3)[:3]) for text in SOME_TEXTS]


@dataclass(frozen=True)
class Case:
    """A model folder in one format, read; `inputs` are what it answers."""

    format: ModelFormat
    folder: Path
    facts: ModelFacts
    inputs: Inputs

    def load(self) -> Network:
        """The network as the format loads it, with a head in any case."""
        network = self.format.load(self.folder, self.facts)
        if not network.labels:
            torch.manual_seed(3)
            network.add_head(INTENTS)
        return network


def an_onnx_classifier(folder: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(ONNX_FILE, folder / "model.onnx")
    return folder


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "text-classifier": a_text_classifier,
    "encoder": an_encoder,
    "encoder-with-head": lambda folder: an_encoder(folder, labels=INTENTS),
    "encoder-in-half-precision": lambda folder: an_encoder(folder, INTENTS, dtype="float16"),
    "bridged-encoder": a_bridged_encoder,
    "bridged-plain-encoder": lambda folder: a_bridged_encoder(folder, labels=()),
    "bridged-classifier": a_bridged_classifier,
    "centred-classifier": a_centred_classifier,
    "label-set-classifier": a_label_set_classifier,
    "token-classifier": a_token_classifier,
    "tagging-encoder": lambda folder: an_encoder(folder, TAGS, task="token-classification"),
    "label-set-encoder": lambda folder: an_encoder(
        folder, INTENTS, task="multi-label-classification"
    ),
    "image-classifier": an_image_classifier_hf,
    "declared-network": a_declared_digit_reader,
    "onnx": an_onnx_classifier,
    "word-vectors": word_vectors,
    "word-vector-classifier": lambda folder: word_vectors(folder, labels=INTENTS),
    "word-vectors-sif": lambda folder: word_vectors(folder, labels=INTENTS, pooling="sif"),
}


@pytest.fixture(scope="module", params=BUILDERS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = BUILDERS[request.param](tmp_path_factory.mktemp("formats") / request.param)
    found = detect_format(folder)
    facts = found.inspect(folder, ModelHints())
    inputs: Inputs = SOME_TEXTS
    if facts.task is Task.TOKEN_CLASSIFICATION:
        inputs = SOME_WORDS
    elif facts.task is Task.IMAGE_CLASSIFICATION:
        inputs = np.random.default_rng(0).integers(0, 256, (9, 1, 28, 28), dtype=np.uint8)
    return Case(found, folder, facts, inputs)


def logits(network: Network, inputs: Inputs) -> torch.Tensor:
    with torch.no_grad():
        return network(network.collate(inputs))


def train_a_step(network: Network, inputs: Inputs, rate: float = 0.05) -> None:
    loss(network, inputs).backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
                parameter.grad = None


def loss(network: Network, inputs: Inputs) -> torch.Tensor:
    classes = len(network.labels)
    targets = torch.arange(len(inputs)) % classes
    if network.task is Task.TOKEN_CLASSIFICATION:
        targets = (targets[:, None] + torch.arange(3)) % classes
    elif network.task is Task.MULTI_LABEL_CLASSIFICATION:
        targets = targets[:, None] == torch.arange(classes)
    return network.objective.loss(network(network.collate(inputs)), targets)


def test_every_format_is_covered() -> None:
    assert {one.name for one in formats()} == set(Format)
    assert all(format_named(name).name is name for name in Format)


def test_the_catalogue_names_the_format_of_a_folder(case: Case) -> None:
    assert case.facts.format is case.format.name
    assert [one.name for one in formats() if one.recognises(case.folder)] == [case.format.name]


def test_facts_survive_json(case: Case) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ModelFacts)
    assert adapter.validate_json(adapter.dump_json(case.facts)) == case.facts


def test_a_network_is_loaded_ready_to_answer_and_to_learn(case: Case) -> None:
    network = case.format.load(case.folder, case.facts)
    assert network.labels == case.facts.labels
    assert not any(module.training for module in network.modules())
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert all(p.requires_grad for p in network.parameters())
    assert sum(p.numel() for p in network.parameters()) == case.facts.parameters


def test_logits_are_one_row_for_each_input(case: Case) -> None:
    network = case.load()
    answer = logits(network, case.inputs)
    assert answer.shape == network.objective.answer_shape(case.inputs)
    assert answer.dtype == torch.float32
    assert torch.isfinite(answer).all()
    assert len(network.lengths(case.inputs)) == len(case.inputs)


def test_an_answer_does_not_depend_on_the_batch_it_is_in(case: Case) -> None:
    network = case.load()
    alone = torch.cat([logits(network, case.inputs[i : i + 1]) for i in range(len(case.inputs))])
    assert torch.allclose(alone, logits(network, case.inputs), atol=1e-5)


def test_the_head_of_the_features_is_the_whole_network(case: Case) -> None:
    network = case.load()
    batch = network.collate(case.inputs)
    with torch.no_grad():
        features = network.features(batch)
        assert len(features) == len(case.inputs)
        assert torch.allclose(network.head(features), network(batch), atol=1e-6)


def test_head_parameters_come_after_the_features(case: Case) -> None:
    network = case.load()
    batch = network.collate(case.inputs)
    before, answer = network.features(batch).detach(), logits(network, case.inputs)
    head = list(network.head_parameters())
    with torch.no_grad():
        for parameter in head:
            parameter += 0.1 * torch.randn_like(parameter)
    assert torch.equal(network.features(batch), before)
    assert not torch.allclose(logits(network, case.inputs), answer)
    everything = {id(p) for p in network.parameters()}
    assert {id(p) for p in [*head, *network.body_parameters()]} == everything


def test_a_step_down_the_gradient_lowers_the_loss(case: Case) -> None:
    network = case.load()
    before = float(loss(network, case.inputs).detach())
    train_a_step(network, case.inputs, rate=1e-4)
    assert float(loss(network, case.inputs).detach()) < before


def test_a_trained_network_answers_alike_after_saving_and_loading(
    case: Case, tmp_path: Path
) -> None:
    network = case.load()
    train_a_step(network, case.inputs)
    facts = replace(case.facts, labels=network.labels)
    case.format.save(network, facts, tmp_path)
    again = detect_format(tmp_path).inspect(tmp_path, ModelHints(labels=facts.labels))
    loaded = case.format.load(tmp_path, again)
    assert (again.labels, again.input) == (network.labels, case.facts.input)
    assert loaded.task is network.task
    # Half precision rounds what was learnt; everything else is exact.
    close = 1e-2 if "half" in case.folder.name else 1e-5
    difference = (logits(loaded, case.inputs) - logits(network, case.inputs)).abs().max()
    assert float(difference) < close


def test_an_untouched_network_answers_the_same_after_saving_and_loading(
    case: Case, tmp_path: Path
) -> None:
    network = case.load()
    case.format.save(network, replace(case.facts, labels=network.labels), tmp_path)
    loaded = case.format.load(tmp_path, replace(case.facts, labels=network.labels))
    difference = (logits(loaded, case.inputs) - logits(network, case.inputs)).abs().max()
    assert float(difference) < 1e-5


def test_saving_twice_gives_equal_bytes(case: Case, tmp_path: Path) -> None:
    network = case.load()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        case.format.save(network, case.facts, tmp_path / name)
    files = [path.name for path in sorted((tmp_path / "one").iterdir())]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_reset_draws_all_anew_by_the_seed(case: Case) -> None:
    networks = [case.load() for _ in range(3)]
    learnt = logits(networks[0], case.inputs)
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        torch.manual_seed(seed)
        network.reset()
    first, same, other = (logits(network, case.inputs) for network in networks)
    assert torch.equal(first, same)
    assert not torch.allclose(first, other)
    assert not torch.allclose(first, learnt)


def test_only_a_network_without_a_head_is_given_one(case: Case) -> None:
    network = case.format.load(case.folder, case.facts)
    if case.facts.task is Task.FEATURE_EXTRACTION:
        with pytest.raises(RuntimeError):
            network(network.collate(case.inputs))
        network.add_head(("yes", "no"))
        assert network.labels == ("yes", "no")
        assert logits(network, case.inputs).shape == (len(case.inputs), 2)
    with pytest.raises(ValueError, match="head already"):
        network.add_head(("yes", "no"))


def test_getting_ready_to_train_and_finishing_changes_nothing(case: Case) -> None:
    network = case.load()
    names, answer = list(network.state_dict()), logits(network, case.inputs)
    network.prepare_training(case.inputs[:1])
    assert torch.equal(logits(network, case.inputs), answer)
    network.finish_training()
    assert list(network.state_dict()) == names
    assert all(p.requires_grad for p in network.parameters())
    assert torch.equal(logits(network, case.inputs), answer)


def test_a_copy_learns_on_its_own(case: Case) -> None:
    network = case.load()
    answer = logits(network, case.inputs)
    other = copy.deepcopy(network)
    train_a_step(other, case.inputs)
    with torch.no_grad():
        split = other.head(other.features(other.collate(case.inputs)))
    assert torch.allclose(split, logits(other, case.inputs), atol=1e-6)
    assert torch.equal(logits(network, case.inputs), answer)


def test_a_network_computes_wherever_it_is_moved(case: Case) -> None:
    # The meta device refuses to mix with the CPU, as a GPU does, and every machine has it.
    if isinstance(case.inputs, list):
        pytest.skip("transformers reads the values of attention masks, which meta tensors lack")
    network = case.load()
    batch = move_batch(network.collate(case.inputs), torch.device("meta"))
    network.to("meta")
    assert network.head(network.features(batch)).device.type == "meta"
    assert network(batch).shape == (len(case.inputs), len(network.labels))


def test_answers_in_mixed_precision_are_close(case: Case) -> None:
    network = case.load()
    batch = network.collate(case.inputs)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        mixed = [network(batch), network.head(network.features(batch))]
    exact = logits(network, case.inputs)
    for answer in mixed:
        assert answer.dtype == torch.float32
        assert torch.allclose(answer, exact, atol=0.05 * float(exact.abs().max()) + 0.01)
