"""The training loop of one stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from app.learn.early_stopping import EarlyStopping
from app.learn.material import Material
from app.learn.monitor import Monitor
from app.learn.optimisers import optimiser_for
from app.learn.recipe import Stage
from app.learn.schedule import rate_factor

_NAMES = {"head": "training the head", "all": "training every parameter"}


@dataclass(frozen=True)
class StageRows:
    """What a stage trains on: rows, the order of their batches, and weights of the classes.

    `validation` is None where there is none; then the last parameters are the result.
    """

    train: Material
    order: Iterator[np.ndarray]
    validation: Material | None = None
    class_weights: Tensor | None = None


def train_stage(
    network: nn.Module, stage: Stage, rows: StageRows, monitor: Monitor
) -> tuple[list[dict[str, Any]], str]:
    """Train every parameter that requires a gradient; leaves the best in place.

    Returns the history (one dict per check: step, train_loss and the validation scores) and a
    sentence that says why the stage ended. The network's mode (eval or train) is the caller's.
    """
    optimiser = optimiser_for(network, stage.optimiser, stage.learning_rate, stage.weight_decay)
    schedule = LambdaLR(
        optimiser, lambda k: rate_factor(min(k, stage.steps - 1), stage.steps, stage.warm_up)
    )
    stopping = _early_stopping(network, stage, rows)
    history: list[dict[str, Any]] = []
    losses: list[Tensor] = []
    why = f"All {stage.steps} steps of stage {stage.name} were made."
    for step in range(1, stage.steps + 1):
        losses.append(_step(network, optimiser, stage, rows))
        schedule.step()
        monitor.progress(_NAMES[stage.name], step / stage.steps, step=step, steps=stage.steps)
        if step % stage.check_every == 0 or step == stage.steps:
            history.append(_account(stage, step, losses, stopping))
            monitor.event("check", **history[-1])
            losses = []
            if stopping is not None and stopping.exhausted:
                why = f"Stage {stage.name}: no better on validation in {stage.patience} checks."
                monitor.progress(_NAMES[stage.name], 1.0, step=step, steps=stage.steps)
                break
    if stopping is not None:
        stopping.restore()
    return history, why


def _early_stopping(network: nn.Module, stage: Stage, rows: StageRows) -> EarlyStopping | None:
    """Already checked once, so that a stage which only makes things worse changes nothing."""
    if rows.validation is None:
        return None
    stopping = EarlyStopping(network, rows.validation, stage.patience)
    stopping.check()
    return stopping


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, stage: Stage, rows: StageRows
) -> Tensor:
    """One batch, one step; the loss (0-d, detached, still on its device)."""
    chosen = next(rows.order)
    targets = rows.train.targets[torch.from_numpy(chosen).to(rows.train.targets.device)]
    loss = rows.train.objective.loss(rows.train.logits(chosen), targets, rows.class_weights)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], stage.clip)
    optimiser.step()
    return loss.detach()


def _account(
    stage: Stage, step: int, losses: list[Tensor], stopping: EarlyStopping | None
) -> dict[str, Any]:
    account: dict[str, Any] = {
        "stage": stage.name,
        "step": step,
        "train_loss": float(torch.stack(losses).mean()),
    }
    return account | (stopping.check() if stopping is not None else {})
