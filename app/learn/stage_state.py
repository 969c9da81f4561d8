"""The state of one stage of training: kept now and then, and taken up by another attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from app.learn.checkpoints import Checkpoints
from app.learn.early_stopping import EarlyStopping, changing
from app.learn.recipe import Stage
from app.learn.replicas import present_replicas

if TYPE_CHECKING:
    from app.learn.checkpoints import State

_NAME = "stage"


@dataclass
class StageProgress:
    """How far a stage has come.

    `losses` are those of the steps since the last check (0-d each); `why` says why the stage
    ended and is empty before.
    """

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    why: str = ""


class StageState:
    """Keeps what a stage changes: parameters, optimiser, best parameters, random states.

    The order of the rows is not among it: it follows from the state of `generator` when the stage
    begins, so it is drawn again and gone through as far as `StageProgress.step` says. On the CPU
    a stage that was taken up ends bit for bit as one that was never interrupted.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        network: nn.Module,
        stage: Stage,
        generator: torch.Generator | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self._network = network
        # As it comes back from JSON: tuples are lists there.
        self._stage = json.loads(json.dumps(asdict(stage)))
        self._generator = generator

    def align(self) -> None:
        """Let every process of several begin with the first one's parameters and random states."""
        states = self._random()
        spread = present_replicas().spread
        spread([*self._network.parameters(), *self._network.buffers(), *states.values()])
        self._restore_random(states)

    def due(self) -> bool:
        """Whether it is time to save."""
        return self._checkpoints.due()

    def save(
        self,
        progress: StageProgress,
        optimiser: Optimizer | None = None,
        stopping: EarlyStopping | None = None,
    ) -> None:
        """Keep the present state; a stage that has ended needs neither of the two."""
        best, score = stopping.state() if stopping is not None else ({}, {})
        tensors = {
            **_prefixed("network", dict(changing(self._network))),
            **_prefixed("optimiser", _optimiser_tensors(optimiser)),
            **_prefixed("best", best),
            **_prefixed("random", self._random()),
            "losses": torch.stack(progress.losses) if progress.losses else torch.zeros(0),
        }
        facts = {
            "stage": self._stage,
            "step": progress.step,
            "history": progress.history,
            "why": progress.why,
            "score": score,
        }
        self._checkpoints.save(_NAME, tensors, facts)

    def ended(self) -> StageProgress | None:
        """Where the stage has ended already, its last parameters are put in place."""
        state = self._fitting()
        return self._restore(state) if state is not None and state[1]["why"] else None

    def take_up(
        self, optimiser: Optimizer, stopping: EarlyStopping | None = None
    ) -> StageProgress | None:
        """Put the kept state in place; None, and nothing changed, where none is kept that fits."""
        state = self._fitting()
        if state is None:
            return None
        tensors, facts = state
        if not facts["why"]:
            _restore_optimiser(optimiser, _within("optimiser", tensors))
            if stopping is not None:
                stopping.take_up(_within("best", tensors), facts["score"])
        return self._restore(state)

    def _fitting(self) -> State | None:
        """What is kept of this very stage of this very network."""
        state = self._checkpoints.load(_NAME)
        if state is None or state[1]["stage"] != self._stage:
            return None
        present = {name: tensor.shape for name, tensor in changing(self._network)}
        kept = {name: tensor.shape for name, tensor in _within("network", state[0]).items()}
        return state if present == kept else None

    @torch.no_grad()
    def _restore(self, state: State) -> StageProgress:
        tensors, facts = state
        for name, tensor in changing(self._network):
            tensor.copy_(tensors[f"network/{name}"])
        self._restore_random(_within("random", tensors))
        device = next(self._network.parameters()).device
        losses = list(tensors["losses"].to(device).unbind())
        return StageProgress(facts["step"], facts["history"], losses, facts["why"])

    def _random(self) -> dict[str, Tensor]:
        states = {"torch": torch.get_rng_state()}
        if self._generator is not None:
            states["generator"] = self._generator.get_state()
        if torch.cuda.is_available():
            states["cuda"] = torch.cuda.get_rng_state()
        return states

    def _restore_random(self, states: Mapping[str, Tensor]) -> None:
        torch.set_rng_state(states["torch"])
        if self._generator is not None:
            self._generator.set_state(states["generator"])
        if torch.cuda.is_available() and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"])


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _within(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def _optimiser_tensors(optimiser: Optimizer | None) -> dict[str, Tensor]:
    if optimiser is None:
        return {}
    states = optimiser.state_dict()["state"]
    return {f"{i}/{key}": t for i, state in states.items() for key, t in state.items()}


def _restore_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, key = name.split("/")
        states.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": states})
