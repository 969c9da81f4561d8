"""Low-rank updates of a body."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.domain.errors.methods import ModulesUnknown, NoAttention
from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.network import Network
from app.learn.training.lora import low_rank_updates, target_modules
from app.learn.training.recipe import LoraOptions
from tests.support.datasets import LABELS
from tests.support.models import SENTENCES, a_declared_digit_reader, a_text_classifier


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return _loaded(a_text_classifier(tmp_path / "model", labels=LABELS))


def _loaded(folder: Path) -> Network:
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def test_afterwards_the_parameters_are_those_there_were_and_answer_alike(network: Network) -> None:
    network.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    batch = network.collate(list(SENTENCES))
    with low_rank_updates(network, LoraOptions(rank=2)), torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_B" in name:
                parameter.add_(torch.randn_like(parameter))
        beside = network(batch)
    after = network.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) == 2 * 4
    assert all(".attention." in name and name.endswith("weight") for name in changed)
    with torch.no_grad():
        torch.testing.assert_close(network(batch), beside, atol=1e-5, rtol=1e-5)


def test_only_the_updates_and_the_head_learn(network: Network) -> None:
    head = {id(parameter) for parameter in network.head_parameters()}
    with low_rank_updates(network, LoraOptions(rank=2)):
        learning = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    assert {id(p) for _, p in learning} >= head
    assert all("lora_" in name for name, p in learning if id(p) not in head)


def test_modules_are_named_by_the_end_of_their_names(network: Network) -> None:
    found = target_modules(network, ("query", "output.dense"))
    assert len(found) == 2 + 2 * 2
    assert {name.rsplit(".", 1)[-1] for name in found} == {"query", "dense"}


def test_names_of_no_module_are_refused_with_those_there_are(network: Network) -> None:
    with pytest.raises(ModulesUnknown, match="q_proj") as refused:
        target_modules(network, ("query", "q_proj"))
    assert "query" in refused.value.advice


def test_a_network_without_attention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoAttention):
        target_modules(_loaded(a_declared_digit_reader(tmp_path / "digits")), None)
