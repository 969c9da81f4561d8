"""Adapts a network to labelled rows, stage by stage, as a strategy says."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.checkpoints import Checkpoints, CheckpointsWithin, NoCheckpoints
from app.learn.devices import best_device
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.recipe import Stage, stages
from app.learn.run_stage import AdaptationRows, run_stage
from app.learn.seeding import seeded
from app.learn.training_options import Strategy, TrainingOptions


def adapt(
    network: Network,
    rows: AdaptationRows,
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
    why: list[str] = []
    with seeded(seed) as generator:
        if options.strategy is Strategy.SCRATCH:
            network.reset()
        network.to(best_device())
        plan = _plan(network, rows, options)
        try:
            for stage, (start, end) in zip(plan, _shares(plan, rows), strict=True):
                part = Portion(monitor, start, end)
                kept = CheckpointsWithin(checkpoints or NoCheckpoints(), stage.name)
                told, ended = run_stage(network, stage, rows, generator, part, kept)
                history += told
                why.append(ended)
        finally:
            network.requires_grad_(True).cpu().eval()
    return history, " ".join(why)


def _plan(network: Network, rows: AdaptationRows, options: TrainingOptions) -> list[Stage]:
    size = sum(p.numel() for p in network.parameters())
    return stages(options, len(rows.train), size, not isinstance(rows.train.inputs, list))


def _shares(plan: list[Stage], rows: AdaptationRows) -> list[tuple[float, float]]:
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
