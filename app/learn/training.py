"""The training loop of one stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.learn.checkpoints import NoCheckpoints
from app.learn.early_stopping import EarlyStopping
from app.learn.material import Material
from app.learn.micro_batches import parts_of
from app.learn.monitor import Monitor
from app.learn.optimisers import optimiser_for
from app.learn.recipe import Stage
from app.learn.replicas import present_replicas
from app.learn.schedule import rate_factor
from app.learn.stage_state import StageProgress, StageState

Loss = Callable[[Tensor, Tensor], Tensor]
STAGE_PHASES = {
    "head": "training the head",
    "all": "training every parameter",
    "lora": "training low-rank updates",
    "rows": "training the embedding",
}


@dataclass(frozen=True)
class StageRows:
    """What a stage trains on: rows, the order of their batches, and weights of the classes.

    `validation` is None where there is none; then the last parameters are the result. `loss`,
    of what `train.logits` gives and the targets, is minimised in the place of the objective's.
    """

    train: Material
    order: Iterator[np.ndarray]
    validation: Material | None = None
    class_weights: Tensor | None = None
    loss: Loss | None = None


def train_stage(
    network: nn.Module,
    stage: Stage,
    rows: StageRows,
    monitor: Monitor,
    state: StageState | None = None,
) -> tuple[list[dict[str, Any]], str]:
    """Train every parameter that requires a gradient; leaves the best in place.

    Returns the history (one dict per check: step, train_loss and the validation scores) and a
    sentence that says why the stage ended. The network's mode (eval or train) is the caller's.
    Where `state` has kept an earlier attempt's, training goes on from there.
    """
    state = state or StageState(NoCheckpoints(), network, stage)
    optimiser = optimiser_for(network, stage.optimiser, stage.learning_rate, stage.weight_decay)
    stopping = _early_stopping(network, stage, rows)
    come = state.take_up(optimiser, stopping) or _begin(stopping)
    if come.why:
        monitor.progress(STAGE_PHASES[stage.name], 1.0)
        return come.history, come.why
    if come.step:
        monitor.event("resumed", stage=stage.name, step=come.step)
    for _ in range(come.step):
        next(rows.order)
    while not come.why:
        _set_rate(optimiser, stage, come.step)
        come.losses.append(_step(network, optimiser, stage, rows))
        come.step += 1
        fraction = come.step / stage.steps
        if come.step % stage.check_every == 0 or come.step == stage.steps:
            _check(come, stage, stopping, monitor)
            fraction = 1.0 if come.why else fraction
        if not come.why and state.due():
            state.save(come, optimiser, stopping)
        monitor.progress(STAGE_PHASES[stage.name], fraction, step=come.step, steps=stage.steps)
    if stopping is not None:
        stopping.restore()
    state.save(come)
    return come.history, come.why


def _early_stopping(network: nn.Module, stage: Stage, rows: StageRows) -> EarlyStopping | None:
    if rows.validation is None:
        return None
    return EarlyStopping(network, rows.validation, stage.patience)


def _begin(stopping: EarlyStopping | None) -> StageProgress:
    """Checked before any step, so that a stage that only makes things worse changes nothing."""
    if stopping is not None:
        stopping.check()
    return StageProgress()


def _set_rate(optimiser: torch.optim.Optimizer, stage: Stage, step: int) -> None:
    for group in optimiser.param_groups:
        group["lr"] = stage.learning_rate * rate_factor(step, stage.steps, stage.warm_up)


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, stage: Stage, rows: StageRows
) -> Tensor:
    """One batch, one step; the loss (0-d, detached, still on its device).

    The gradients of a batch that is gone through in parts, here or by several processes, add up
    to those of the whole, but for rounding and for a layer that normalises over the batch, which
    sees the part alone.
    """
    optimiser.zero_grad(set_to_none=True)
    whole = next(rows.order)
    losses = []
    for chosen, counts in parts_of(whole):
        targets = _targets(rows, chosen)
        loss = _loss(rows, rows.train.logits(chosen), targets) * (
            counts * _share(rows, targets, _targets(rows, whole))
        )
        loss.backward()
        losses.append(loss.detach())
    loss = torch.stack(losses).sum()
    trained = [p for p in network.parameters() if p.requires_grad]
    present_replicas().add([p.grad for p in trained if p.grad is not None] + [loss])
    nn.utils.clip_grad_norm_(trained, stage.clip)
    optimiser.step()
    return loss


def _targets(rows: StageRows, chosen: np.ndarray) -> Tensor:
    return rows.train.targets[torch.from_numpy(chosen).to(rows.train.targets.device)]


def _loss(rows: StageRows, logits: Tensor, targets: Tensor) -> Tensor:
    if rows.loss is not None:
        return rows.loss(logits, targets)
    return rows.train.objective.loss(logits, targets, rows.class_weights)


def _share(rows: StageRows, part: Tensor, whole: Tensor) -> float:
    """How much of what the loss of the whole batch is a mean over lies in a part (targets)."""
    if len(part) == len(whole):
        return 1.0
    if rows.loss is not None:
        return len(part) / len(whole)
    objective, weights = rows.train.objective, rows.class_weights
    return objective.amount(part, weights) / max(objective.amount(whole, weights), 1e-9)


def _check(
    come: StageProgress, stage: Stage, stopping: EarlyStopping | None, monitor: Monitor
) -> None:
    """Add a line to the history, and say why where the stage ends here."""
    line: dict[str, Any] = {
        "stage": stage.name,
        "step": come.step,
        "train_loss": float(torch.stack(come.losses).mean()),
    }
    come.history.append(line | (stopping.check() if stopping is not None else {}))
    come.losses.clear()
    monitor.event("check", **come.history[-1])
    if stopping is not None and stopping.exhausted:
        come.why = f"Stage {stage.name}: no better on validation in {stage.patience} checks."
    elif come.step == stage.steps:
        come.why = f"All {stage.steps} steps of stage {stage.name} were made."
