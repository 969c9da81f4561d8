"""How a network is trained: every choice of a training run, with None where data decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
class LowRankOptions:
    """The update of a matrix is `alpha / rank` times a product of two matrices of `rank`.

    `targets` are ends of names of linear modules; None takes those within an attention.
    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TrainingOptions:
    """What a user may choose; `app.learn.recipe` fills in the Nones.

    `epochs` and `max_steps` bound the training of each stage, whichever ends first; `warm_up` is
    the share of the steps in which the learning rate rises; `clip` the largest gradient norm;
    `patience` the number of checks on validation rows without an improvement before training
    stops; `augment` trains on images moved, turned and scaled a little. The last three are those
    of `LowRankOptions`.
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
