"""Trains a student network to answer texts as a teacher answers them or their translations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.learn.callbacks import Checkpoints, Monitor
from app.learn.data.batch_sampler import Stream, sample_batches
from app.learn.data.examples import Examples
from app.learn.devices import autocast, best_device, seeded
from app.learn.network import Batch, Network, move_batch
from app.learn.training.checkpointing import StageState
from app.learn.training.recipe import Strategy, TrainingOptions, plan_stages
from app.learn.training.rows import LossFunction, RawRows, StageRows
from app.learn.training.trainer import train_stage


@dataclass(frozen=True)
class DistillationData:
    """Texts, and what the student is to answer to each.

    `answer` takes the student and a batch to float (k, ...), `targets` is float32 (n, ...), and
    `loss` compares the two. `validation` has labelled rows that decide when to stop.
    """

    texts: list[str]
    targets: Tensor
    answer: Callable[[Network, Batch], Tensor]
    loss: LossFunction
    validation: Examples | None = None


def distill(
    student: Network,
    data: DistillationData,
    options: TrainingOptions,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> tuple[list[dict[str, Any]], str]:
    """Train all of `student` but its head, in place; it ends on the CPU in eval mode.

    Returns the history, one dict per check, and a sentence on why training ended.
    """
    size = sum(parameter.numel() for parameter in student.parameters())
    options = TrainingOptions(**(vars(options) | {"strategy": Strategy.FULL}))
    [stage] = plan_stages(options, len(data.texts), size, images=False)
    with seeded(seed) as generator:
        student.to(best_device())
        state = StageState(checkpoints, student, stage, generator)
        student.requires_grad_(True)
        for parameter in student.head_parameters():
            parameter.requires_grad_(False)
        student.prepare_training(data.texts)
        try:
            rows = _stage_rows(student.train(), data, stage.batch_size, generator)
            return train_stage(student, stage, rows, monitor, state)
        finally:
            student.finish_training()
            student.requires_grad_(True).cpu().eval()


class _StudentRows:
    """Distillation data as the LogitRows of a stage."""

    def __init__(self, student: Network, data: DistillationData) -> None:
        self._device = next(student.parameters()).device
        self.objective = student.objective
        self.targets = data.targets.to(self._device)
        self.lengths = np.asarray(student.lengths(data.texts))
        self._student, self._data = student, data

    def logits(self, positions: np.ndarray) -> Tensor:
        """What the student answers, float32 (k, ...)."""
        texts = [self._data.texts[i] for i in positions]
        batch = move_batch(self._student.collate(texts), self._device)
        with autocast(self._device):
            answer = self._data.answer(self._student, batch)
        return answer.float()


def _stage_rows(
    student: Network, data: DistillationData, batch_size: int, generator: torch.Generator
) -> StageRows:
    train = _StudentRows(student, data)
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    order = sample_batches([Stream(np.arange(len(data.texts)))], train.lengths, batch_size, rng)
    validation = None
    if data.validation is not None:
        validation = RawRows(student, data.validation, next(student.parameters()).device)
    return StageRows(train, order, validation, loss=data.loss)
