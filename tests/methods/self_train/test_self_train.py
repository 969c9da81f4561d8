"""The choices of `self-train` that its contract does not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.inference import predict
from app.learn.network import Batch, Network, shift_logits
from app.methods.contract import MethodInput, MethodOutput
from app.methods.self_train.method import TrainingPool, run
from app.methods.self_train.pseudo_labels import PseudoLabels
from app.methods.self_train.spec import SelfTrainParameters

LABELS = ("low", "high")
QUICK = {"rounds": 2, "max_steps": 40, "strategy": "head"}


class Pixels(Network):
    """A linear classifier of images of one pixel; it counts the images that its body sees."""

    def __init__(self, weight: float = 8.0, bias: bool = True) -> None:
        super().__init__()
        self.labels = LABELS
        self.body = torch.nn.Linear(1, 1)
        self.out = torch.nn.Linear(1, 2, bias=bias)
        self.seen = 0
        with torch.no_grad():
            self.body.weight.fill_(1.0)
            self.body.bias.zero_()
            self.out.weight.copy_(torch.tensor([[-weight], [weight]]))
            if bias:
                self.out.bias.zero_()

    def collate(self, inputs: np.ndarray) -> Batch:
        return {"pixels": torch.from_numpy(inputs.reshape(-1, 1).astype(np.float32)) / 255 - 0.5}

    def body_settings(self) -> str:
        return "pixels"

    def lengths(self, inputs: np.ndarray) -> list[int]:
        return [1] * len(inputs)

    def features(self, batch: Batch) -> torch.Tensor:
        self.seen += len(batch["pixels"])
        return self.body(batch["pixels"])

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return self.out(features)

    def head_parameters(self) -> list[torch.nn.Parameter]:
        return list(self.out.parameters())

    def add_head(self, labels: tuple[str, ...]) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError


def _images(low: int, high: int, displaced: int = 0, seed: int = 0) -> Examples:
    """Grey values about 60 (low) and 180 (high), all `displaced` alike; shuffled."""
    draw = np.random.default_rng(seed)
    targets = draw.permutation(np.repeat([0, 1], [low, high]))
    values = np.where(targets == 1, 180, 60) + displaced + draw.integers(-20, 21, low + high)
    inputs = values.clip(0, 255).astype(np.uint8).reshape(-1, 1, 1, 1)
    return Examples(inputs, targets, np.arange(1, len(targets) + 1))


def _given(network: Network, unlabelled: Examples, **rest: object) -> MethodInput:
    chosen = SelfTrainParameters.model_validate({**QUICK, **rest.pop("chosen", {})})  # type: ignore[dict-item]
    return MethodInput(network, chosen, unlabelled=unlabelled.inputs, **rest)  # type: ignore[arg-type]


def _accuracy(output: MethodOutput, rows: Examples) -> float:
    found = predict(output.network, rows.inputs).argmax(axis=1)
    return float((found == rows.targets).mean())


@pytest.mark.parametrize("strategy", ["head", "logistic"])
@pytest.mark.parametrize("high", [40, 12])
def test_a_displaced_language_is_read_aright_without_any_label_of_it(
    strategy: str, high: int
) -> None:
    """Whether its labels are spread as those of the source rows or not."""
    target, source = _images(68, high, displaced=70), _images(40, 40)
    network = Pixels()
    before = (predict(network, target.inputs).argmax(axis=1) == target.targets).mean()
    chosen = {"strategy": strategy}
    output = run(_given(network, target, source=source, chosen=chosen), NullMonitor())
    assert before < 0.75
    assert _accuracy(output, target) > (0.95 if high == 40 else 0.85)
    share = high / (68 + high)
    found = output.report["expected_shares"]["high"]
    assert abs(found - share) <= max(0.05, abs(0.5 - share) * 0.8)


def test_the_estimated_label_shares_stand_beside_the_sources_in_the_report() -> None:
    target, source = _images(90, 10, displaced=40), _images(50, 50)
    given = _given(Pixels(), target, source=source, chosen={"strategy": "logistic"})
    report = run(given, NullMonitor()).report
    assert report["source_shares"] == {"low": 0.5, "high": 0.5}
    assert report["expected_shares"]["high"] < 0.25


def test_epochs_are_passes_over_the_rows_that_are_drawn() -> None:
    """64 labelled rows and 5,000 without: the first round makes the steps of 64 rows."""
    labelled, unlabelled = _images(32, 32), _images(2500, 2500, seed=1)
    pool = TrainingPool.of(_given(Pixels(), unlabelled, train=labelled), unlabelled.inputs)
    chosen = SelfTrainParameters()
    assert len(pool.training_rows(chosen, None).train) == 64
    sure = PseudoLabels(np.arange(100), np.zeros(100, dtype=np.int64), np.zeros(2))
    rows = pool.training_rows(chosen, sure)
    assert len(rows.train) == 164
    assert [len(stream.positions) for stream in rows.streams] == [64, 100]
    np.testing.assert_array_equal(rows.train.targets[rows.streams[0].positions], labelled.targets)
    assert not rows.train.targets[rows.streams[1].positions].any()


def test_without_any_labelled_row_the_model_is_changed_with_caution() -> None:
    target = _images(40, 40, displaced=70)
    output = run(_given(Pixels(), target, chosen={"max_steps": None}), NullMonitor())
    assert [account["round"] for account in output.report["rounds"]] == [0, 1]
    assert output.report["expected_shares_from"].startswith("own predictions")
    assert "No row has a label" in output.stopped
    assert _accuracy(output, target) > 0.9


def test_without_labels_the_model_is_believed_about_its_own_language() -> None:
    target, source = _images(20, 60, displaced=70), _images(20, 60)
    given = _given(Pixels(), target, source_unlabelled=source.inputs)
    output = run(given, NullMonitor())
    assert output.report["expected_shares"]["high"] == pytest.approx(0.75, abs=0.05)
    assert _accuracy(output, target) > 0.95


def test_the_start_is_the_result_where_every_round_is_worse_on_validation() -> None:
    """The labelled rows contradict the validation rows, so that each round unlearns."""
    labelled, validation = _images(30, 30, seed=4), _images(30, 30)
    wrong = replace(labelled, targets=1 - labelled.targets)
    network = Pixels()
    before = [p.detach().clone() for p in network.parameters()]
    chosen = {"labelled_weight": 100.0, "head_learning_rate": 0.1}
    given = _given(network, labelled, train=wrong, validation=validation, chosen=chosen)
    output = run(given, NullMonitor())
    assert all(map(torch.equal, before, output.network.parameters()))
    assert output.report["chosen_round"] is None
    assert output.stopped.endswith(
        "worse on validation than the source model, which is the result."
    )


def test_rounds_that_train_the_head_encode_each_input_once() -> None:
    network = Pixels()
    unlabelled, source, validation = _images(20, 20), _images(10, 10, seed=1), _images(5, 5, seed=2)
    run(_given(network, unlabelled, source=source, validation=validation), NullMonitor())
    probes = 2 * 8 * 3
    assert network.seen <= 40 + 20 + 10 + probes


def test_the_report_counts_the_rows_kept_of_each_class_with_their_thresholds() -> None:
    output = run(_given(Pixels(), _images(30, 10), source=_images(30, 10, seed=1)), NullMonitor())
    first = output.report["rounds"][1]
    assert first["kept"] == {"low": 9, "high": 3}
    assert 0.5 < first["thresholds"]["high"] <= 1
    assert output.report["unlabelled"] == 40


@pytest.mark.parametrize("bias", [True, False])
def test_logits_are_shifted_by_a_bias_or_not_at_all(bias: bool) -> None:
    network, inputs = Pixels(bias=bias).eval(), _images(5, 5).inputs
    before = [p.detach().clone() for p in network.parameters()]
    assert shift_logits(network, np.array([1.0, -1.0]), inputs) is bias
    changed = not all(map(torch.equal, before, network.parameters()))
    assert changed is bias


def test_what_was_done_instead_of_a_regression_is_noted() -> None:
    train, source = _images(6, 6), _images(20, 20)
    asked = MethodInput(Pixels(), SelfTrainParameters(), train=train, unlabelled=source.inputs)
    without = run(asked, NullMonitor())
    assert without.notes == (
        "The strategy was `head` and not `logistic`, because there were no `source` rows.",
    )
    steps = replace(asked, parameters=SelfTrainParameters(**QUICK))
    assert run(steps, NullMonitor()).notes == ()
    assert run(replace(asked, source=source), NullMonitor()).notes == ()
