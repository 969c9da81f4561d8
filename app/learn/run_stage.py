"""Runs one stage of training on rows: the head on cached features, or every parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from app.learn.batches import Stream, batches
from app.learn.checkpoints import Checkpoints
from app.learn.early_stopping import EarlyStopping
from app.learn.examples import Examples, Inputs
from app.learn.feature_cache import CachedRows, cache_features
from app.learn.low_rank import low_rank_updates
from app.learn.material import Material, RawRows
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.recipe import Stage
from app.learn.stage_state import StageProgress, StageState
from app.learn.training import STAGE_PHASES, StageRows, train_stage
from app.learn.vector_cache import VectorCache

Account = tuple[list[dict[str, Any]], str]


@dataclass(frozen=True)
class AdaptationRows:
    """Rows to train on, drawn by `streams` (positions in `train`), and rows to check on.

    `vectors` keeps what a frozen body makes of them.
    """

    train: Examples
    streams: tuple[Stream, ...]
    validation: Examples | None = None
    vectors: VectorCache | None = None


def run_stage(
    network: Network,
    stage: Stage,
    rows: AdaptationRows,
    generator: torch.Generator,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> Account:
    """Train what the stage trains, in place; the history and why the stage ended.

    A stage that `checkpoints` know has ended is not gone through again.
    """
    state = StageState(checkpoints, network, stage, generator)
    state.align()
    if stage.name == "head":
        return _train_head(network, stage, rows, generator, monitor, state)
    with _body_in_training(network, stage, rows.train.inputs):
        network.train()
        train, validation = _raw(network, stage, rows, generator)
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
    rows: AdaptationRows,
    generator: torch.Generator,
    monitor: Monitor,
    state: StageState,
) -> Account:
    """The body is in eval mode throughout: neither dropout nor batch statistics move it."""
    network.eval().requires_grad_(False)
    for parameter in network.head_parameters():
        parameter.requires_grad_(True)
    if ended := state.ended():
        return ended.history, ended.why
    cached = None if stage.augment else _cached(network, rows, monitor)
    if cached is not None and stage.by_regression and len(rows.streams) == 1:
        progress = Portion(monitor, 0.5, 1.0)
        if account := _regress(network, stage, rows, cached, generator, progress, state):
            return account
    if cached is not None and _is_linear(network):
        stage = replace(stage, learning_rate=stage.learning_rate / _spread(cached[0].vectors()))
    train, validation = cached or _raw(network, stage, rows, generator)
    staged = _stage_rows(train, validation, stage, rows, generator)
    return train_stage(network, stage, staged, Portion(monitor, 0.5, 1.0), state)


def _regress(
    network: Network,
    stage: Stage,
    rows: AdaptationRows,
    cached: tuple[CachedRows, CachedRows | None],
    generator: torch.Generator,
    monitor: Monitor,
    state: StageState,
) -> Account | None:
    """Fit a linear head; what it was stays where validation rows say that it was better."""
    # scipy and scikit-learn take a second to import.
    from app.learn.logistic.head_stage import fit_head

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
    ended = StageProgress(len(history), history, why="The fit converged.")
    state.save(ended)
    return ended.history, ended.why


def _cached(
    network: Network, rows: AdaptationRows, monitor: Monitor
) -> tuple[CachedRows, CachedRows | None] | None:
    train = cache_features(network, rows.train, Portion(monitor, 0.0, 0.45), rows.vectors)
    if train is None or rows.validation is None:
        return None if train is None else (train, None)
    part = Portion(monitor, 0.45, 0.5)
    validation = cache_features(network, rows.validation, part, rows.vectors)
    return None if validation is None else (train, validation)


def _raw(
    network: Network, stage: Stage, rows: AdaptationRows, generator: torch.Generator
) -> tuple[RawRows, RawRows | None]:
    device = next(network.parameters()).device
    train = RawRows(network, rows.train, device, generator if stage.augment else None)
    return train, RawRows(network, rows.validation, device) if rows.validation else None


def _stage_rows(
    train: Material,
    validation: Material | None,
    stage: Stage,
    rows: AdaptationRows,
    generator: torch.Generator,
) -> StageRows:
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    order = batches(rows.streams, train.lengths, stage.batch_size, rng)
    weights = None
    if stage.class_weights:
        drawn = np.concatenate([stream.positions for stream in rows.streams])
        weights = torch.from_numpy(train.objective.class_weights(rows.train.targets[drawn]))
        weights = weights.to(train.targets.device)
    return StageRows(train=train, order=order, validation=validation, class_weights=weights)


def _is_linear(network: Network) -> bool:
    return sum(parameter.ndim > 1 for parameter in network.head_parameters()) == 1


def _spread(features: torch.Tensor) -> float:
    """How far a feature (float (n, width)) typically is from its mean.

    By this a linear head's learning rate is divided, so that a step changes the logits alike
    whatever the scale of the features; sentence vectors of length 1 vary by hundredths.
    """
    deviation = features - features.mean(dim=0)
    return max(float(deviation.square().mean().sqrt()), 1e-3)
