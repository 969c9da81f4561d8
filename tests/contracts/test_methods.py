"""What every method of the catalog keeps to, whatever kind of model it is given.

A method takes part by a file `tests/contracts/cases/<method>.py` with a tuple `CASES`; nothing
has to be changed here. `cases/case.py` says what a Case is, `cases/tasks.py` has small tasks to
build one on, and `cases/joint.py` is a short example. A case is one method on one kind of model;
its runs should take a second or two: tiny networks, few steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import Cancelled, NullMonitor
from app.learn.data.examples import Examples
from app.learn.inference import predict
from app.learn.network import Network
from app.learn.training.checkpointing import CheckpointFolder
from app.methods.contract import MethodOutput, method_named, methods, run_of
from tests.contracts.cases.case import Case, Chosen
from tests.contracts.cases.catalog import all_cases

NAMES = [spec.name for spec in methods()]
EVERY_CASE = all_cases()
EVERY_VARIANT = [
    pytest.param(case, chosen, id=f"{case}-{number}")
    for case in EVERY_CASE
    for number, chosen in enumerate([*case.variants, *filter(None, [case.head_only])])
]
WITH_VALIDATION = [case for case in EVERY_CASE if case.ruinous is not None]
WITH_HEAD_ONLY = [case for case in EVERY_CASE if case.head_only is not None]

for_every_case = pytest.mark.parametrize("case", EVERY_CASE, ids=str)
for_every_variant = pytest.mark.parametrize(("case", "chosen"), EVERY_VARIANT)


@dataclass
class Recorder(NullMonitor):
    """Remembers the progress told; cancels at call number `cancel_at`, counted from 1."""

    cancel_at: int | None = None
    seen: list[float] = field(default_factory=list)

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Remember the fraction."""
        self.seen.append(fraction)
        if self.cancel_at is not None and len(self.seen) >= self.cancel_at:
            raise Cancelled


@dataclass(frozen=True)
class Bench:
    """Runs cases, on source models built once; uninterrupted runs are kept, and never changed."""

    folder: Path
    runs: dict[tuple[str, str], tuple[MethodOutput, list[float]]] = field(default_factory=dict)

    def source(self, case: Case) -> Path:
        """The folder of the case's source model."""
        folder = self.folder / str(case)
        if not folder.exists():
            case.build(folder)
        return folder

    def network(self, case: Case) -> Network:
        """The case's source model, loaded."""
        return _load(self.source(case))

    def run(
        self, case: Case, chosen: Chosen, monitor: Recorder, checkpoints: Path | None = None
    ) -> MethodOutput:
        """Run the method on a fresh network, keeping its state in the folder `checkpoints`."""
        given = case.input(self.network(case), chosen)
        if checkpoints is not None:
            given = replace(given, checkpoints=CheckpointFolder(checkpoints, pause=0.0))
        return run_of(method_named(case.method))(given, monitor)

    def outcome(self, case: Case, chosen: Chosen) -> tuple[MethodOutput, list[float]]:
        """The run with these parameters and the progress that it told."""
        key = (str(case), repr(chosen))
        if key not in self.runs:
            monitor = Recorder()
            self.runs[key] = (self.run(case, chosen, monitor), monitor.seen)
        return self.runs[key]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("sources"))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_describes_itself_without_torch_types(name: str) -> None:
    spec = method_named(name)
    schema = spec.parameters.model_json_schema()
    assert all("description" in told for told in schema["properties"].values())
    assert spec.summary.endswith(".")
    assert not spec.required_roles & spec.optional_roles
    with pytest.raises(ValueError, match="no_such_parameter"):
        spec.parameters.model_validate({"no_such_parameter": 1})


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_a_case(name: str) -> None:
    assert any(case.method == name for case in EVERY_CASE)


@for_every_case
def test_a_method_beats_the_untouched_model_on_unseen_rows(case: Case, bench: Bench) -> None:
    untouched = bench.network(case)
    before = _score(untouched, case.unseen)
    output, _ = bench.outcome(case, case.learning)
    assert _score(output.network, case.unseen) >= before + case.gain
    assert output.network.labels == untouched.labels
    assert output.stopped.endswith(".")


@for_every_case
def test_a_result_answers_the_same_from_the_file_of_its_format(
    case: Case, bench: Bench, tmp_path: Path
) -> None:
    source, folder = bench.source(case), tmp_path / "saved"
    output, _ = bench.outcome(case, case.learning)
    found = detect_format(source)
    folder.mkdir()
    found.save(output.network, found.inspect(source, ModelHints()), folder)
    expected = predict(output.network, case.unseen.inputs)
    found = predict(_load(folder), case.unseen.inputs)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@for_every_variant
def test_a_method_gives_the_same_network_for_the_same_seed(
    case: Case, chosen: Chosen, bench: Bench
) -> None:
    first, _ = bench.outcome(case, chosen)
    torch.manual_seed(99)
    _assert_same(first, bench.run(case, chosen, Recorder()))


@for_every_variant
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_run_taken_up_again_ends_as_one_that_was_never_interrupted(
    case: Case, chosen: Chosen, share: float, bench: Bench, tmp_path: Path
) -> None:
    whole, seen = bench.outcome(case, chosen)
    with pytest.raises(Cancelled):
        bench.run(case, chosen, Recorder(cancel_at=round(share * len(seen))), tmp_path)
    torch.manual_seed(99)
    _assert_same(whole, bench.run(case, chosen, Recorder(), tmp_path))


@for_every_variant
def test_a_method_lets_a_cancel_pass(case: Case, chosen: Chosen, bench: Bench) -> None:
    with pytest.raises(Cancelled):
        bench.run(case, chosen, Recorder(cancel_at=2))


@for_every_variant
def test_progress_never_falls_and_ends_at_one(case: Case, chosen: Chosen, bench: Bench) -> None:
    _, seen = bench.outcome(case, chosen)
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] == pytest.approx(1.0)


@for_every_variant
def test_a_method_leaves_the_network_on_the_cpu_ready_to_predict(
    case: Case, chosen: Chosen, bench: Bench
) -> None:
    output, _ = bench.outcome(case, chosen)
    assert not any(module.training for module in output.network.modules())
    assert all(p.device.type == "cpu" and p.requires_grad for p in output.network.parameters())


@pytest.mark.parametrize("case", WITH_HEAD_ONLY, ids=str)
def test_a_method_that_trains_the_head_leaves_the_body_as_it_was(case: Case, bench: Bench) -> None:
    untouched = bench.network(case)
    output, _ = bench.outcome(case, case.head_only or {})
    after = output.network
    assert all(map(torch.equal, untouched.body_parameters(), after.body_parameters()))
    assert not all(map(torch.equal, untouched.head_parameters(), after.head_parameters()))


@pytest.mark.parametrize("case", WITH_VALIDATION, ids=str)
def test_a_method_keeps_the_parameters_that_were_best_on_validation(
    case: Case, bench: Bench, tmp_path: Path
) -> None:
    """Parameters that destroy the network must leave the start, which was best."""
    good, _ = bench.outcome(case, case.learning)
    validation = case.input(good.network, case.learning).validation
    assert validation is not None
    before = _score(good.network, validation)
    given = case.input(_copied(good.network, bench.source(case), tmp_path), case.ruinous or {})
    output = run_of(method_named(case.method))(given, NullMonitor())
    assert _score(output.network, validation) >= before


def _load(folder: Path) -> Network:
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def _copied(network: Network, source: Path, folder: Path) -> Network:
    found = detect_format(source)
    found.save(network, found.inspect(source, ModelHints()), folder)
    return _load(folder)


def _assert_same(first: MethodOutput, second: MethodOutput) -> None:
    assert first.history == second.history
    assert first.stopped == second.stopped
    expected, found = first.network.state_dict(), second.network.state_dict()
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


def _score(network: Network, rows: Examples) -> float:
    """The objective's primary metric: accuracy, F1 of labels, or F1 of entities."""
    found = predict(network, rows.inputs)
    return network.objective.primary_metric(found, rows.targets).value
