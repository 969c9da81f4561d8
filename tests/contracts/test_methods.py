"""What every method of the catalog keeps to, for texts and for images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.enums import Role
from app.domain.models import ModelHints
from app.formats.catalog import recognise
from app.learn.examples import Examples
from app.learn.monitor import Cancelled, Silence
from app.learn.network import Network
from app.learn.predicting import predict
from app.methods.catalog import method_named, methods, run_of
from app.methods.contract import MethodInput, MethodOutput
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import DIGITS, a_declared_digit_reader, a_text_classifier

NAMES = [spec.name for spec in methods()]
STRATEGIES = ["full", "head", "lp-ft", "scratch"]
# The tiny images' labels are positions of a bar, which moving the image would change.
RATES = {"learning_rate": 3e-3, "batch_size": 16, "augment": False}


class Subject:
    """A source model and the rows of one kind."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.folder = folder
        if kind == "text":
            a_text_classifier(folder, labels=LABELS)
            self.train, self.source = labelled_examples(48, "de"), labelled_examples(48, "en")
        else:
            a_declared_digit_reader(folder)
            self.train, self.source = image_examples(60), image_examples(60, seed=1)
        self.labels = LABELS if kind == "text" else DIGITS

    def network(self) -> Network:
        found = recognise(self.folder)
        return found.load(self.folder, found.inspect(self.folder, ModelHints()))

    def given(self, method: str, validation: Examples | None = None, **chosen: Any) -> MethodInput:
        spec = method_named(method)
        needs_source = Role.SOURCE in spec.required_roles
        return MethodInput(
            network=self.network(),
            train=self.train,
            parameters=spec.parameters.model_validate({**RATES, "max_steps": 30, **chosen}),
            validation=validation,
            source=self.source if needs_source else None,
            seed=3,
        )


@pytest.fixture(scope="module", params=["text", "image"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("models") / str(request.param)
    return Subject(folder, request.param)


def _run(name: str, given: MethodInput) -> MethodOutput:
    return run_of(method_named(name))(given, Silence())


@pytest.mark.parametrize("name", NAMES)
def test_a_method_describes_itself_without_torch_types(name: str) -> None:
    spec = method_named(name)
    schema = spec.parameters.model_json_schema()
    assert all("description" in told for told in schema["properties"].values())
    assert spec.summary.endswith(".")
    assert Role.TRAIN in spec.required_roles
    with pytest.raises(ValueError, match="no_such_parameter"):
        spec.parameters.model_validate({"no_such_parameter": 1})


@pytest.mark.parametrize("name", NAMES)
def test_a_method_beats_the_untouched_model_and_keeps_its_labels(
    name: str, subject: Subject
) -> None:
    before = _accuracy(subject.network(), subject.train)
    output = _run(name, subject.given(name, max_steps=120))
    assert output.network.labels == subject.labels
    assert _accuracy(output.network, subject.train) > max(before + 0.2, 0.8)
    assert output.stopped.endswith(".")
    assert output.history


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_method_gives_the_same_network_for_the_same_seed(
    name: str, strategy: str, subject: Subject
) -> None:
    first = _run(name, subject.given(name, strategy=strategy, max_steps=8)).network
    torch.manual_seed(99)
    again = _run(name, subject.given(name, strategy=strategy, max_steps=8)).network
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_a_method_leaves_the_network_on_the_cpu_ready_to_predict(
    name: str, subject: Subject
) -> None:
    network = _run(name, subject.given(name, max_steps=3)).network
    assert not network.training
    assert all(p.device.type == "cpu" and p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_method_that_trains_the_head_leaves_the_body_as_it_was(
    name: str, subject: Subject
) -> None:
    given = subject.given(name, strategy="head", max_steps=10)
    before = [p.detach().clone() for p in given.network.body_parameters()]
    heads = [p.detach().clone() for p in given.network.head_parameters()]
    network = _run(name, given).network
    assert all(map(torch.equal, before, network.body_parameters()))
    assert not all(map(torch.equal, heads, network.head_parameters()))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_lets_a_cancel_pass(name: str, subject: Subject) -> None:
    class CancelledSoon(Silence):
        calls = 0

        def progress(self, phase: str, fraction: float, **facts: Any) -> None:
            self.calls += 1
            if self.calls > 4:
                raise Cancelled

    with pytest.raises(Cancelled):
        run_of(method_named(name))(subject.given(name), CancelledSoon())


@pytest.mark.parametrize("name", NAMES)
def test_a_method_reports_progress_that_never_falls_and_ends_at_one(
    name: str, subject: Subject
) -> None:
    seen: list[float] = []

    class Recorder(Silence):
        def progress(self, phase: str, fraction: float, **facts: Any) -> None:
            seen.append(fraction)

    run_of(method_named(name))(subject.given(name, max_steps=6), Recorder())
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_keeps_the_parameters_that_were_best_on_validation(
    name: str, subject: Subject
) -> None:
    """A learning rate that destroys the network must leave the start, which was best."""
    good = _run(name, subject.given(name, max_steps=120)).network
    validation = subject.train
    before = _accuracy(good, validation)
    given = subject.given(
        name, validation, strategy="full", learning_rate=10, optimiser="sgd", warm_up=0
    )
    ruined = MethodInput(
        good, given.parameters, given.train, validation, source=given.source, seed=given.seed
    )
    assert _accuracy(_run(name, ruined).network, validation) >= before


def _accuracy(network: Network, rows: Examples) -> float:
    found = predict(network, rows.inputs).argmax(axis=1)
    return float(np.mean(found == rows.targets))
