"""Trains a network on labelled rows, stage by stage, as a strategy says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.learn.callbacks import (
    Checkpoints,
    Monitor,
    NoCheckpoints,
    PrefixedCheckpoints,
    SubProgress,
)
from app.learn.data.batch_sampler import sample_batches
from app.learn.data.examples import Inputs
from app.learn.devices import best_device, seeded
from app.learn.inference import CachedRows, cache_features
from app.learn.network import Network
from app.learn.training.checkpointing import StageProgress, StageState
from app.learn.training.distributed import current_replicas, parts_of
from app.learn.training.early_stopping import EarlyStopping
from app.learn.training.lora import low_rank_updates
from app.learn.training.optimiser import create_optimiser
from app.learn.training.recipe import (
    Stage,
    Strategy,
    TrainingOptions,
    learning_rate_factor,
    plan_stages,
)
from app.learn.training.rows import LogitRows, RawRows, StageRows, TrainingRows

StageResult = tuple[list[dict[str, Any]], str]
STAGE_PHASES = {
    "head": "training the head",
    "all": "training every parameter",
    "lora": "training low-rank updates",
    "rows": "training the embedding",
}


def adapt(
    network: Network,
    rows: TrainingRows,
    options: TrainingOptions,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[dict[str, Any]], str]:
    """Train `network` in place by `options.strategy`; it ends on the CPU in eval mode.

    `lp-ft` trains the head first, so that a head that does not fit yet cannot tear at the body's
    features (Kumar et al., 2022, "Fine-tuning can distort pretrained features").
    Returns the history, one dict per check, and a sentence per stage on why it ended. Called again
    with the same arguments and `checkpoints` after an interruption, it goes on in the right stage.
    """
    history: list[dict[str, Any]] = []
    reasons: list[str] = []
    with seeded(seed) as generator:
        if options.strategy is Strategy.SCRATCH:
            network.reset()
        network.to(best_device())
        plan = _plan(network, rows, options)
        try:
            for stage, (start, end) in zip(plan, _progress_shares(plan, rows), strict=True):
                part = SubProgress(monitor, start, end)
                stage_checkpoints = PrefixedCheckpoints(checkpoints or NoCheckpoints(), stage.name)
                stage_history, reason = run_stage(
                    network, stage, rows, generator, part, stage_checkpoints
                )
                history += stage_history
                reasons.append(reason)
        finally:
            network.requires_grad_(True).cpu().eval()
    return history, " ".join(reasons)


def _plan(network: Network, rows: TrainingRows, options: TrainingOptions) -> list[Stage]:
    size = sum(p.numel() for p in network.parameters())
    return plan_stages(options, len(rows.train), size, not isinstance(rows.train.inputs, list))


def _progress_shares(plan: list[Stage], rows: TrainingRows) -> list[tuple[float, float]]:
    """Where on the progress bar each stage lies, by the rows that go through the body.

    A pass forth and back costs three passes forth.
    """
    checked = len(rows.validation) if rows.validation else 0
    costs = [
        float(len(rows.train) + checked)
        if stage.name == "head"
        else float(3 * stage.steps * stage.batch_size + checked * stage.steps // stage.check_every)
        for stage in plan
    ]
    ends = np.cumsum(costs) / sum(costs)
    return list(zip([0.0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def run_stage(
    network: Network,
    stage: Stage,
    rows: TrainingRows,
    generator: torch.Generator,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> StageResult:
    """Train what the stage trains, in place; the history and why the stage ended.

    A stage that `checkpoints` know has ended is not gone through again.
    """
    state = StageState(checkpoints, network, stage, generator)
    state.align()
    if stage.name == "head":
        return _train_head(network, stage, rows, generator, monitor, state)
    with _body_in_training(network, stage, rows.train.inputs):
        network.train()
        train, validation = _raw_rows(network, stage, rows, generator)
        staged = _stage_rows(train, validation, stage, rows, generator)
        return train_stage(network, stage, staged, monitor, state)


@contextmanager
def _body_in_training(network: Network, stage: Stage, inputs: Inputs) -> Iterator[None]:
    if stage.low_rank is not None:
        with low_rank_updates(network, stage.low_rank):
            yield
        return
    network.requires_grad_(True)
    network.prepare_training(inputs)
    try:
        yield
    finally:
        network.finish_training()


def _train_head(
    network: Network,
    stage: Stage,
    rows: TrainingRows,
    generator: torch.Generator,
    monitor: Monitor,
    state: StageState,
) -> StageResult:
    """The body is in eval mode throughout: neither dropout nor batch statistics move it."""
    network.eval().requires_grad_(False)
    for parameter in network.head_parameters():
        parameter.requires_grad_(True)
    if ended := state.restore_if_ended():
        return ended.history, ended.stop_reason
    cached = None if stage.augment else _cached_rows(network, rows, monitor)
    if cached is not None and stage.by_regression and len(rows.streams) == 1:
        progress = SubProgress(monitor, 0.5, 1.0)
        result = _fit_by_regression(network, stage, rows, cached, generator, progress, state)
        if result is not None:
            return result
    if cached is not None and _is_linear(network):
        stage = replace(
            stage, learning_rate=stage.learning_rate / _feature_deviation(cached[0].vectors())
        )
    train, validation = cached or _raw_rows(network, stage, rows, generator)
    staged = _stage_rows(train, validation, stage, rows, generator)
    return train_stage(network, stage, staged, SubProgress(monitor, 0.5, 1.0), state)


def _fit_by_regression(
    network: Network,
    stage: Stage,
    rows: TrainingRows,
    cached: tuple[CachedRows, CachedRows | None],
    generator: torch.Generator,
    monitor: Monitor,
    state: StageState,
) -> StageResult | None:
    """Fit a linear head; what it was stays where validation rows say that it was better."""
    # scipy and scikit-learn take a second to import.
    from app.learn.heads.linear_probe import fit_head

    [stream] = rows.streams
    known, validation = cached
    seed = int(torch.randint(2**31, (1,), generator=generator))
    stopping = EarlyStopping(network, validation, stage.patience) if validation else None
    if stopping is not None:
        stopping.check()
    history = fit_head(
        network,
        known.take(stream.positions),
        rows.train.take(stream.positions),
        seed,
        lambda fraction: monitor.progress(STAGE_PHASES["head"], fraction),
    )
    if history is None:
        return None
    if stopping is not None:
        history[-1] |= stopping.check()
        stopping.restore()
    monitor.event("check", **history[-1])
    monitor.progress(STAGE_PHASES["head"], 1.0)
    stop_reason = "The fit converged."
    state.save(StageProgress(len(history), history, stop_reason=stop_reason))
    return history, stop_reason


def _cached_rows(
    network: Network, rows: TrainingRows, monitor: Monitor
) -> tuple[CachedRows, CachedRows | None] | None:
    train = cache_features(network, rows.train, SubProgress(monitor, 0.0, 0.45), rows.vectors)
    if train is None or rows.validation is None:
        return None if train is None else (train, None)
    part = SubProgress(monitor, 0.45, 0.5)
    validation = cache_features(network, rows.validation, part, rows.vectors)
    return None if validation is None else (train, validation)


def _raw_rows(
    network: Network, stage: Stage, rows: TrainingRows, generator: torch.Generator
) -> tuple[RawRows, RawRows | None]:
    device = next(network.parameters()).device
    train = RawRows(network, rows.train, device, generator if stage.augment else None)
    return train, RawRows(network, rows.validation, device) if rows.validation else None


def _stage_rows(
    train: LogitRows,
    validation: LogitRows | None,
    stage: Stage,
    rows: TrainingRows,
    generator: torch.Generator,
) -> StageRows:
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    order = sample_batches(rows.streams, train.lengths, stage.batch_size, rng)
    weights = None
    if stage.class_weights:
        drawn = np.concatenate([stream.positions for stream in rows.streams])
        weights = torch.from_numpy(train.objective.class_weights(rows.train.targets[drawn]))
        weights = weights.to(train.targets.device)
    return StageRows(train=train, order=order, validation=validation, class_weights=weights)


def _is_linear(network: Network) -> bool:
    return sum(parameter.ndim > 1 for parameter in network.head_parameters()) == 1


def _feature_deviation(features: torch.Tensor) -> float:
    """How far a feature (float (n, width)) typically is from its mean.

    By this a linear head's learning rate is divided, so that a step changes the logits alike
    whatever the scale of the features; sentence vectors of length 1 vary by hundredths.
    """
    deviation = features - features.mean(dim=0)
    return max(float(deviation.square().mean().sqrt()), 1e-3)


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
    optimiser = create_optimiser(network, stage.optimiser, stage.learning_rate, stage.weight_decay)
    stopping = _early_stopping(network, stage, rows)
    progress = state.load_state(optimiser, stopping) or _begin(stopping)
    if progress.stop_reason:
        monitor.progress(STAGE_PHASES[stage.name], 1.0)
        return progress.history, progress.stop_reason
    if progress.step:
        monitor.event("resumed", stage=stage.name, step=progress.step)
    for _ in range(progress.step):
        next(rows.order)
    while not progress.stop_reason:
        _set_rate(optimiser, stage, progress.step)
        progress.losses.append(_step(network, optimiser, stage, rows))
        progress.step += 1
        fraction = progress.step / stage.steps
        if progress.step % stage.check_every == 0 or progress.step == stage.steps:
            _check(progress, stage, stopping, monitor)
            fraction = 1.0 if progress.stop_reason else fraction
        if not progress.stop_reason and state.due():
            state.save(progress, optimiser, stopping)
        monitor.progress(STAGE_PHASES[stage.name], fraction, step=progress.step, steps=stage.steps)
    if stopping is not None:
        stopping.restore()
    state.save(progress)
    return progress.history, progress.stop_reason


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
        group["lr"] = stage.learning_rate * learning_rate_factor(step, stage.steps, stage.warm_up)


def _step(
    network: nn.Module, optimiser: torch.optim.Optimizer, stage: Stage, rows: StageRows
) -> Tensor:
    """One batch, one step; the loss (0-d, detached, still on its device).

    The gradients of a batch that is gone through in parts, here or by several processes, add up
    to those of the whole, but for rounding and for a layer that normalises over the batch, which
    sees the part alone.
    """
    optimiser.zero_grad(set_to_none=True)
    batch = next(rows.order)
    losses = []
    for chosen, weight in parts_of(batch):
        targets = _targets(rows, chosen)
        loss = _loss(rows, rows.train.logits(chosen), targets) * (
            weight * _share(rows, targets, _targets(rows, batch))
        )
        loss.backward()
        losses.append(loss.detach())
    loss = torch.stack(losses).sum()
    trained = [p for p in network.parameters() if p.requires_grad]
    current_replicas().all_reduce([p.grad for p in trained if p.grad is not None] + [loss])
    nn.utils.clip_grad_norm_(trained, stage.clip)
    optimiser.step()
    return loss


def _targets(rows: StageRows, chosen: np.ndarray) -> Tensor:
    return rows.train.targets[torch.from_numpy(chosen).to(rows.train.targets.device)]


def _loss(rows: StageRows, logits: Tensor, targets: Tensor) -> Tensor:
    if rows.loss is not None:
        return rows.loss(logits, targets)
    return rows.train.objective.loss(logits, targets, rows.class_weights)


def _share(rows: StageRows, part: Tensor, batch: Tensor) -> float:
    """How much of what the loss of the whole batch is a mean over lies in a part (targets)."""
    if len(part) == len(batch):
        return 1.0
    if rows.loss is not None:
        return len(part) / len(batch)
    objective, weights = rows.train.objective, rows.class_weights
    return objective.loss_weight(part, weights) / max(objective.loss_weight(batch, weights), 1e-9)


def _check(
    progress: StageProgress, stage: Stage, stopping: EarlyStopping | None, monitor: Monitor
) -> None:
    """Add a line to the history, and say why where the stage ends here."""
    line: dict[str, Any] = {
        "stage": stage.name,
        "step": progress.step,
        "train_loss": float(torch.stack(progress.losses).mean()),
    }
    progress.history.append(line | (stopping.check() if stopping is not None else {}))
    progress.losses.clear()
    monitor.event("check", **progress.history[-1])
    if stopping is not None and stopping.exhausted:
        progress.stop_reason = (
            f"Stage {stage.name}: no better on validation in {stage.patience} checks."
        )
    elif progress.step == stage.steps:
        progress.stop_reason = f"All {stage.steps} steps of stage {stage.name} were made."
