"""What `distill` does beyond the start that it has from the bridge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from app.domain.errors.methods import TooFewRowsForMap
from app.learn.bridge_fit import BridgeOptions, fit_bridge
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import TextPairs, bilingual_texts
from app.learn.network import Network
from app.methods.contract import MethodInput
from app.methods.distill.method import run
from app.methods.distill.spec import DistillParameters
from tests.contracts.cases.bridge import bilingual
from tests.support.bilingual import ENGLISH, GERMAN, an_english_classifier
from tests.support.bridged_models import read_network

PAIRS = TextPairs(tuple(ENGLISH.inputs), tuple(GERMAN.inputs))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return read_network(an_english_classifier(tmp_path_factory.mktemp("models") / "english"))


def distilled(teacher: Network, pairs: TextPairs = PAIRS, **chosen: Any) -> Network:
    parameters = DistillParameters(learning_rate=2e-3, max_steps=60, **chosen)
    given = MethodInput(teacher, parameters, parallel=pairs, auxiliary_model=bilingual())
    return run(given, NullMonitor()).network


def only_bridged(teacher: Network) -> Network:
    texts = bilingual_texts(("en", "de"), [], [], PAIRS)
    options = BridgeOptions(centring=False)
    bridge, _ = fit_bridge(teacher, bilingual(), texts, options, None, NullMonitor())
    return teacher.with_encoder(bilingual(), bridge).eval()


@torch.no_grad()
def features(network: Network, texts: list[str]) -> Tensor:
    return network.features(network.collate(texts))


@torch.no_grad()
def logits(network: Network, texts: list[str]) -> Tensor:
    return network(network.collate(texts))


def test_vectors_of_translations_come_closer_than_the_bridge_brings_them(
    teacher: Network,
) -> None:
    wanted = features(teacher, ENGLISH.inputs)
    start, end = (
        (features(network, GERMAN.inputs) - wanted).square().mean()
        for network in (only_bridged(teacher), distilled(teacher))
    )
    assert float(end) < 0.9 * float(start)


def test_logits_of_translations_come_closer_than_the_bridge_brings_them(teacher: Network) -> None:
    wanted = logits(teacher, ENGLISH.inputs).softmax(dim=1)
    start, end = (
        (wanted * (wanted.log() - logits(network, GERMAN.inputs).log_softmax(dim=1))).sum()
        for network in (only_bridged(teacher), distilled(teacher, target="logits"))
    )
    assert float(end) < 0.9 * float(start)


def test_the_head_is_left_as_it_is(teacher: Network) -> None:
    before = [parameter.detach().clone() for parameter in teacher.head_parameters()]
    network = distilled(teacher)
    assert all(map(torch.equal, before, network.head_parameters()))


def test_too_few_pairs_are_refused_with_the_number_needed(teacher: Network) -> None:
    with pytest.raises(TooFewRowsForMap) as refused:
        distilled(teacher, TextPairs(PAIRS.source[:20], PAIRS.target[:20]))
    assert refused.value.fields == {"rows": 20, "needed": 33}
