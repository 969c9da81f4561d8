"""Trains a student until it says of texts what a teacher says of the same in another language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.learn.batches import Stream, batches
from app.learn.checkpoints import Checkpoints
from app.learn.devices import autocast, best_device
from app.learn.examples import Examples
from app.learn.material import RawRows
from app.learn.monitor import Monitor
from app.learn.network import Batch, Network, move
from app.learn.recipe import stages
from app.learn.seeding import seeded
from app.learn.stage_state import StageState
from app.learn.training import Loss, StageRows, train_stage
from app.learn.training_options import Strategy, TrainingOptions


@dataclass(frozen=True)
class Lesson:
    """Texts, and what the student is to answer to each.

    `answer` takes the student and a batch to float (k, ...), `targets` is float32 (n, ...), and
    `loss` compares the two. `validation` has labelled rows that decide when to stop.
    """

    texts: list[str]
    targets: Tensor
    answer: Callable[[Network, Batch], Tensor]
    loss: Loss
    validation: Examples | None = None


def distill(
    student: Network,
    lesson: Lesson,
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
    [stage] = stages(options, len(lesson.texts), size, images=False)
    with seeded(seed) as generator:
        student.to(best_device())
        state = StageState(checkpoints, student, stage, generator)
        student.requires_grad_(True)
        for parameter in student.head_parameters():
            parameter.requires_grad_(False)
        student.prepare_training(lesson.texts)
        try:
            rows = _stage_rows(student.train(), lesson, stage.batch_size, generator)
            return train_stage(student, stage, rows, monitor, state)
        finally:
            student.finish_training()
            student.requires_grad_(True).cpu().eval()


class _LessonRows:
    """A lesson as the Material of a stage."""

    def __init__(self, student: Network, lesson: Lesson) -> None:
        self._device = next(student.parameters()).device
        self.objective = student.objective
        self.targets = lesson.targets.to(self._device)
        self.lengths = np.asarray(student.lengths(lesson.texts))
        self._student, self._lesson = student, lesson

    def logits(self, positions: np.ndarray) -> Tensor:
        """What the student answers, float32 (k, ...)."""
        texts = [self._lesson.texts[i] for i in positions]
        batch = move(self._student.collate(texts), self._device)
        with autocast(self._device):
            answer = self._lesson.answer(self._student, batch)
        return answer.float()


def _stage_rows(
    student: Network, lesson: Lesson, batch_size: int, generator: torch.Generator
) -> StageRows:
    train = _LessonRows(student, lesson)
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    order = batches([Stream(np.arange(len(lesson.texts)))], train.lengths, batch_size, rng)
    validation = None
    if lesson.validation is not None:
        validation = RawRows(student, lesson.validation, next(student.parameters()).device)
    return StageRows(train, order, validation, loss=lesson.loss)
