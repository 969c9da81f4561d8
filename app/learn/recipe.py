"""The stages of a training run, with every choice made that the user left open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from app.learn.training_options import LowRankOptions, Optimiser, Strategy, TrainingOptions

# A network below this many parameters is trained at the rates of small networks from scratch,
# one above at the rates that keep what a large pretrained network knows.
_SMALL = 5_000_000
_CHECKS = 40


@dataclass(frozen=True)
class Defaults:
    """What holds where the user chose nothing; steps are kept within `steps`."""

    learning_rate: float
    sgd_learning_rate: float
    batch_size: int
    epochs: int
    steps: tuple[int, int]


_HEAD = Defaults(5e-4, 1e-2, 64, 60, (300, 4000))
_SMALL_NETWORK = Defaults(3e-3, 1e-2, 64, 40, (1500, 6000))
_LARGE_NETWORK = Defaults(5e-5, 1e-2, 16, 6, (60, 20_000))
_LOW_RANK = Defaults(5e-4, 1e-2, 16, 10, (60, 20_000))
_LARGE_FROM_NOTHING = Defaults(2e-4, 1e-2, 16, 20, (200, 40_000))


StageName = Literal["head", "all", "lora", "rows"]


@dataclass(frozen=True)
class Stage:
    """One stage of training: `head` trains the head alone, `all` every parameter, `lora` the head
    and low-rank updates of the body, `rows` the word embedding.

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
    low_rank: LowRankOptions | None = None
    by_regression: bool = False


def stages(options: TrainingOptions, rows: int, parameters: int, images: bool) -> list[Stage]:
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


def _low_rank(options: TrainingOptions) -> LowRankOptions:
    return LowRankOptions(options.lora_rank, options.lora_alpha, options.lora_targets)


def _defaults(name: StageName, strategy: Strategy, parameters: int) -> Defaults:
    if name != "all":
        return _HEAD if name == "head" else _LOW_RANK
    if parameters < _SMALL:
        return _SMALL_NETWORK
    return _LARGE_FROM_NOTHING if strategy is Strategy.SCRATCH else _LARGE_NETWORK


def _steps(options: TrainingOptions, defaults: Defaults, per_epoch: int) -> int:
    """The user's epochs and steps where given; otherwise enough steps for very little data."""
    if options.epochs is not None:
        steps = options.epochs * per_epoch
        return min(steps, options.max_steps) if options.max_steps else steps
    if options.max_steps is not None:
        return options.max_steps
    fewest, most = defaults.steps
    return min(max(defaults.epochs * per_epoch, fewest), most)
