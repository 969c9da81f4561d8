"""The options of a training run, and its stages with every choice made that the user left open.

Imports no torch, so that methods' specs may import it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

# A network below this many parameters is trained at the rates of small networks from scratch,
# one above at the rates that keep what a large pretrained network knows.
_SMALL = 5_000_000
_CHECKS = 40
StageName = Literal["head", "all", "lora", "rows"]


class Strategy(StrEnum):
    """Which parameters are trained, and from where they start."""

    FULL = "full"  # every parameter, from the source model's
    HEAD = "head"  # the head alone (linear probing); the body stays as it is
    LOGISTIC = "logistic"  # the head alone, as the regression most probable after the labels
    LINEAR_PROBE = "linear-probe"  # the head alone, by logistic regression from nothing
    LP_FT = "lp-ft"  # the head first, then every parameter
    LORA = "lora"  # the head first, then it and low-rank updates of the attention
    SCRATCH = "scratch"  # every parameter drawn anew: the control experiment


class Optimiser(StrEnum):
    """What turns gradients into steps."""

    ADAMW = "adamw"
    SGD = "sgd"


@dataclass(frozen=True)
class LoraOptions:
    """The update of a matrix is `alpha / rank` times a product of two matrices of `rank`.

    `targets` are ends of names of linear modules; None takes those within an attention.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TrainingOptions:
    """What a user may choose; `plan_stages` fills in the Nones.

    `epochs` and `max_steps` bound the training of each stage, whichever ends first; `warm_up` is
    the share of the steps in which the learning rate rises; `clip` the largest gradient norm;
    `patience` the number of checks on validation rows without an improvement before training
    stops; `augment` trains on images moved, turned and scaled a little. The last three are those
    of `LoraOptions`.
    """

    strategy: Strategy = Strategy.LP_FT
    epochs: int | None = None
    max_steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    head_learning_rate: float | None = None
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip: float = 1.0
    patience: int = 15
    class_weights: bool = False
    augment: bool | None = None
    optimiser: Optimiser = Optimiser.ADAMW
    lora_rank: int = 8
    lora_alpha: int = 16
    lora_targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class StageDefaults:
    """What holds where the user chose nothing; steps are kept within `steps`."""

    learning_rate: float
    sgd_learning_rate: float
    batch_size: int
    epochs: int
    steps: tuple[int, int]


_HEAD = StageDefaults(5e-4, 1e-2, 64, 60, (300, 4000))
_SMALL_NETWORK = StageDefaults(3e-3, 1e-2, 64, 40, (1500, 6000))
_LARGE_NETWORK = StageDefaults(5e-5, 1e-2, 16, 6, (60, 20_000))
_LOW_RANK = StageDefaults(5e-4, 1e-2, 16, 10, (60, 20_000))
_LARGE_FROM_NOTHING = StageDefaults(2e-4, 1e-2, 16, 20, (200, 40_000))


@dataclass(frozen=True)
class Stage:
    """One stage of training, by `name` of what it trains.

    `head`: the head alone; `all`: every parameter; `lora`: the head and low-rank updates of the
    body; `rows`: the word embedding.

    `check_every` counts the steps between two checks on the validation rows. `by_regression`: a
    linear head may be fitted by regression, since the user asked for no particular steps.
    """

    name: StageName
    steps: int
    check_every: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warm_up: float
    clip: float
    patience: int
    optimiser: Optimiser
    class_weights: bool
    augment: bool
    low_rank: LoraOptions | None = None
    by_regression: bool = False


def plan_stages(options: TrainingOptions, rows: int, parameters: int, images: bool) -> list[Stage]:
    """The stages of `options.strategy` for `rows` training rows and a network's `parameters`.

    `images` says whether rows are images; only images are ever augmented.
    """
    names: dict[Strategy, tuple[StageName, ...]] = {
        Strategy.FULL: ("all",),
        Strategy.HEAD: ("head",),
        Strategy.LP_FT: ("head", "all"),
        Strategy.LORA: ("head", "lora"),
        Strategy.SCRATCH: ("all",),
    }
    return [_stage(name, options, rows, parameters, images) for name in names[options.strategy]]


def _stage(
    name: StageName,
    options: TrainingOptions,
    rows: int,
    parameters: int,
    images: bool,
) -> Stage:
    defaults = _defaults(name, options.strategy, parameters)
    batch_size = options.batch_size or defaults.batch_size
    per_epoch = math.ceil(rows / batch_size)
    steps = _steps(options, defaults, per_epoch)
    augment = name != "head" if options.augment is None else options.augment
    chosen_rate = options.head_learning_rate if name == "head" else options.learning_rate
    adamw = options.optimiser is Optimiser.ADAMW
    return Stage(
        name=name,
        steps=steps,
        check_every=max(1, min(steps, max(per_epoch, steps // _CHECKS))),
        batch_size=batch_size,
        learning_rate=chosen_rate
        or (defaults.learning_rate if adamw else defaults.sgd_learning_rate),
        weight_decay=options.weight_decay,
        warm_up=options.warm_up,
        clip=options.clip,
        patience=options.patience,
        optimiser=options.optimiser,
        class_weights=options.class_weights,
        augment=augment and images,
        low_rank=_low_rank(options) if name == "lora" else None,
        by_regression=name == "head" and _leaves_steps_open(options),
    )


def _leaves_steps_open(options: TrainingOptions) -> bool:
    """Whether nothing is asked for that only a training in steps can do."""
    chosen = (options.epochs, options.max_steps, options.batch_size, options.head_learning_rate)
    plain = options.optimiser is Optimiser.ADAMW and not options.class_weights
    return plain and not options.augment and all(one is None for one in chosen)


def _low_rank(options: TrainingOptions) -> LoraOptions:
    return LoraOptions(options.lora_rank, options.lora_alpha, options.lora_targets)


def _defaults(name: StageName, strategy: Strategy, parameters: int) -> StageDefaults:
    if name != "all":
        return _HEAD if name == "head" else _LOW_RANK
    if parameters < _SMALL:
        return _SMALL_NETWORK
    return _LARGE_FROM_NOTHING if strategy is Strategy.SCRATCH else _LARGE_NETWORK


def _steps(options: TrainingOptions, defaults: StageDefaults, per_epoch: int) -> int:
    """The user's epochs and steps where given; otherwise enough steps for very little data."""
    if options.epochs is not None:
        steps = options.epochs * per_epoch
        return min(steps, options.max_steps) if options.max_steps else steps
    if options.max_steps is not None:
        return options.max_steps
    fewest, most = defaults.steps
    return min(max(defaults.epochs * per_epoch, fewest), most)


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """The share (0..1] of the largest learning rate at `step`, counted from 0, of `steps`.

    It rises in a line during the first `warm_up` share of the steps and then falls in a line.
    The last step still has a rate above zero.
    """
    rising = round(steps * warm_up)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(steps - rising, 1)
