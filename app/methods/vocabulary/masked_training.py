"""Masked-language training on target texts: the rows first, then every parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.learn.checkpoints import Checkpoints, CheckpointsWithin
from app.learn.devices import best_device
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.recipe import Stage
from app.learn.stage_state import StageState
from app.learn.training import StageRows, train_stage
from app.learn.training_options import Optimiser
from app.methods.vocabulary.counterparts import mask_id
from app.methods.vocabulary.masked_network import Hidden, MaskedNetwork, MaskedTexts
from app.methods.vocabulary.spec import VocabularyParameters

_COPIES = 4
_HELD_OUT = 20
_MOST_HELD_OUT = 200
_CHECKS = 20


@dataclass(frozen=True)
class MaskedInput:
    """A network with its embedding, the texts, and the tokens that are never hidden."""

    network: Network
    embedding: nn.Parameter
    texts: list[str]
    tokenizer: Tokenizer
    never: set[int]


@dataclass(frozen=True)
class MaskedRun:
    """The history, why each stage ended, and the loss of held-out texts before and after each."""

    history: list[dict[str, Any]]
    why: list[str]
    losses: dict[str, float]


def train_masked(
    given: MaskedInput,
    parameters: VocabularyParameters,
    generator: torch.Generator,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> MaskedRun:
    """Train in place; the network ends on the CPU in eval mode.

    With the body frozen first, new rows find their places before they can tear at it (de Vries
    and Nissim 2021, "As Good as New"). One text in 20 is held out to tell the loss.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    masked = MaskedNetwork(given.network, given.embedding).to(best_device())
    train, held = _rows(masked, given, parameters, np.random.default_rng(seed))
    done = MaskedRun([], [], {} if held is None else {"before": _loss(masked, held)})
    plan = [stage for stage in _stages(parameters) if stage.steps]
    for number, stage in enumerate(plan):
        _choose(masked, stage)
        part = Portion(monitor, number / len(plan), (number + 1) / len(plan))
        # Its own draws, so that a stage which need not be gone through again shifts no other.
        rng = np.random.default_rng((seed, number))
        rows = StageRows(train, train.order(stage.batch_size, rng))
        within = CheckpointsWithin(checkpoints, f"masked-{stage.name}")
        state = StageState(within, masked, stage, generator)
        masked.train()
        history, why = train_stage(masked, stage, rows, part, state)
        done.history.extend(history)
        done.why.append(why)
        if held is not None:
            done.losses[stage.name] = _loss(masked, held)
    given.network.requires_grad_(True).cpu().eval()
    return done


def _rows(
    masked: MaskedNetwork,
    given: MaskedInput,
    parameters: VocabularyParameters,
    rng: np.random.Generator,
) -> tuple[MaskedTexts, MaskedTexts | None]:
    """Texts to train on, and some to tell the loss of; None where there are too few."""
    mask = mask_id(given.tokenizer)
    if mask is None:
        raise TokenizerUnsupported("it has neither a mask nor an unknown token")
    hidden = Hidden(mask, given.never, parameters.mask_share)
    order = [given.texts[i] for i in rng.permutation(len(given.texts))]
    aside = min(_MOST_HELD_OUT, len(order) // _HELD_OUT)
    held = MaskedTexts(masked, order[:aside], hidden, 1, rng) if aside else None
    return MaskedTexts(masked, order[aside:], hidden, _COPIES, rng), held


def _stages(parameters: VocabularyParameters) -> list[Stage]:
    plan = (
        ("rows", parameters.rows_steps, parameters.rows_learning_rate),
        ("all", parameters.all_steps, parameters.learning_rate),
    )
    return [
        Stage(
            name="rows" if name == "rows" else "all",
            steps=steps,
            check_every=max(1, steps // _CHECKS),
            batch_size=parameters.batch_size,
            learning_rate=rate,
            weight_decay=0.01,
            warm_up=0.1,
            clip=1.0,
            patience=1,
            optimiser=Optimiser.ADAMW,
            class_weights=False,
            augment=False,
        )
        for name, steps, rate in plan
    ]


def _choose(masked: MaskedNetwork, stage: Stage) -> None:
    """Which parameters learn; the network's own head is none of this training's."""
    masked.requires_grad_(True)
    if stage.name == "rows":
        masked.network.requires_grad_(False)
        masked.embedding.requires_grad_(True)
    for parameter in masked.network.head_parameters():
        parameter.requires_grad_(False)


@torch.no_grad()
def _loss(masked: MaskedNetwork, rows: MaskedTexts) -> float:
    """The mean cross-entropy of a masked token, in nats."""
    masked.eval()
    total, count = 0.0, 0
    for start in range(0, len(rows.lengths), 32):
        chosen = np.arange(start, min(start + 32, len(rows.lengths)))
        targets = rows.targets[torch.from_numpy(chosen).to(rows.targets.device)]
        there = int((targets >= 0).sum())
        total += float(rows.objective.loss(rows.logits(chosen), targets)) * there
        count += there
    return total / max(count, 1)
