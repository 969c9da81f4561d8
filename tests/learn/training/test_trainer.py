"""The training loop and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from app.learn.callbacks import NullMonitor
from app.learn.tasks.single_label import SingleLabel, class_weights
from app.learn.training.checkpointing import CheckpointFolder, StageState
from app.learn.training.distributed import micro_batches, parts_of
from app.learn.training.early_stopping import EarlyStopping
from app.learn.training.recipe import (
    Stage,
    Strategy,
    TrainingOptions,
    learning_rate_factor,
    plan_stages,
)
from app.learn.training.rows import StageRows
from app.learn.training.trainer import train_stage


class Points:
    """Points of the plane, their side of a line the class: a Material for a linear network."""

    objective = SingleLabel(("below", "above"))

    def __init__(self, network: nn.Module, rows: int = 60, seed: int = 0) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.points = torch.randn((rows, 2), generator=draw)
        self.targets = (self.points.sum(dim=1) > 0).long()
        self.lengths = np.ones(rows)
        self._network = network

    def logits(self, positions: np.ndarray) -> torch.Tensor:
        logits: torch.Tensor = self._network(self.points[torch.from_numpy(positions)])
        return logits


def _stage(**changes: object) -> Stage:
    options = TrainingOptions(strategy=Strategy.FULL, max_steps=100, learning_rate=0.05)
    made = plan_stages(options, rows=60, parameters=6, images=False)[0]
    return Stage(**{**made.__dict__, **changes})


def _all_rows() -> Iterator[np.ndarray]:
    return repeat(np.arange(60))


def test_training_lowers_the_loss_and_tells_its_history() -> None:
    network = nn.Linear(2, 2)
    history, stop_reason = train_stage(
        network, _stage(), StageRows(Points(network), _all_rows()), NullMonitor()
    )
    assert history[-1]["train_loss"] < history[0]["train_loss"] / 2
    assert history[-1]["step"] == 100
    assert stop_reason == "All 100 steps of stage all were made."


def test_a_batch_gone_through_in_parts_trains_as_the_whole_batch_does() -> None:
    results = []
    for parts in (1, 4):
        torch.manual_seed(0)
        network = nn.Linear(2, 2)
        with micro_batches(parts):
            train_stage(network, _stage(), StageRows(Points(network), _all_rows()), NullMonitor())
        results.append(network.weight.detach().clone())
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)


def test_parts_of_a_batch_hold_all_its_rows_and_two_each_at_least() -> None:
    with micro_batches(4):
        assert [len(part) for part, _ in parts_of(np.arange(10))] == [3, 3, 2, 2]
        assert [len(part) for part, _ in parts_of(np.arange(5))] == [3, 2]
        assert [len(part) for part, _ in parts_of(np.arange(1))] == [1]
        assert np.concatenate([part for part, _ in parts_of(np.arange(10))]).tolist() == [
            *range(10)
        ]


def test_training_stops_when_validation_gets_no_better_and_keeps_the_best() -> None:
    """Validation contradicts training, so every step makes it worse: the start is kept."""
    network = nn.Linear(2, 2)
    validation = Points(network)
    validation.targets = network(validation.points).argmax(dim=1)
    train = Points(network)
    train.targets = 1 - validation.targets
    before = network.weight.detach().clone()
    rows = StageRows(train, _all_rows(), validation)
    history, stop_reason = train_stage(
        network, _stage(check_every=5, patience=3), rows, NullMonitor()
    )
    assert "no better on validation in 3 checks" in stop_reason
    assert len(history) == 3
    assert torch.equal(network.weight, before)


def test_the_best_parameters_and_running_means_come_back() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    rows = Points(network)
    rows.targets = network.eval()(rows.points).argmax(dim=1)
    stopping = EarlyStopping(network, rows, patience=2)
    stopping.check()
    with torch.no_grad():
        network[0].weight.mul_(-1)
        network[1].running_mean.add_(5)
    stopping.check()
    assert not stopping.exhausted
    stopping.restore()
    assert stopping.check()["validation_accuracy"] == 1.0


def test_class_weights_make_rare_labels_count_alike() -> None:
    weights = class_weights(np.array([0, 0, 0, 2]), 3)
    assert weights.tolist() == pytest.approx([4 / 6, 0, 2])
    assert weights[0] * 3 == pytest.approx(weights[2] * 1)


def test_the_learning_rate_rises_and_then_falls_to_near_nothing() -> None:
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert 0 < factors[-1] < 0.02
    assert learning_rate_factor(0, 1, 0.5) == 1.0


def test_little_data_gets_steps_enough_and_the_user_has_the_last_word() -> None:
    def steps(rows: int, **chosen: int) -> list[int]:
        options = TrainingOptions(strategy=Strategy.LP_FT, **chosen)  # type: ignore[arg-type]
        return [s.steps for s in plan_stages(options, rows, parameters=200_000, images=True)]

    assert steps(100) == [300, 1500]
    assert steps(100_000) == [4000, 6000]
    assert steps(100, epochs=3, batch_size=10) == [30, 30]
    assert steps(100, epochs=3, batch_size=10, max_steps=7) == [7, 7]


def test_only_images_are_augmented_and_only_where_the_body_learns() -> None:
    def augments(images: bool, augment: bool | None = None) -> list[bool]:
        options = TrainingOptions(strategy=Strategy.LP_FT, augment=augment)
        return [s.augment for s in plan_stages(options, 100, parameters=200_000, images=images)]

    assert augments(images=True) == [False, True]
    assert augments(images=True, augment=True) == [True, True]
    assert augments(images=True, augment=False) == [False, False]
    assert augments(images=False, augment=True) == [False, False]


def test_the_state_of_another_stage_or_network_is_not_loaded(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, pause=0.0)

    def train(network: nn.Module, stage: Stage) -> list[dict[str, object]]:
        rows = StageRows(Points(network), _all_rows())
        state = StageState(folder, network, stage)
        return train_stage(network, stage, rows, NullMonitor(), state)[0]

    first = train(nn.Linear(2, 2), _stage(steps=4))
    assert train(nn.Linear(2, 2), _stage(steps=4)) == first
    assert train(nn.Linear(2, 2), _stage(steps=5))[-1]["step"] == 5
    assert train(nn.Linear(2, 3), _stage(steps=5)) != first
