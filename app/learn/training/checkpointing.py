"""The state of one stage of training, and the folder of safetensors files that keeps it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from app.learn.callbacks import Checkpoints
from app.learn.training.distributed import current_replicas
from app.learn.training.early_stopping import EarlyStopping, trainable_state
from app.learn.training.recipe import Stage

if TYPE_CHECKING:
    from app.learn.callbacks import State

_NAME = "stage"
# At most one part in this many of all time goes into writing checkpoints.
_TIME_SHARE = 20


@dataclass
class StageProgress:
    """How far a stage has come.

    `losses` are those of the steps since the last check (0-d each); `stop_reason` is empty until
    the stage has ended.
    """

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    stop_reason: str = ""


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
        broadcast = current_replicas().broadcast
        broadcast([*self._network.parameters(), *self._network.buffers(), *states.values()])
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
        best, score = stopping.state_dict() if stopping is not None else ({}, {})
        tensors = {
            **_prefixed("network", dict(trainable_state(self._network))),
            **_prefixed("optimiser", _optimiser_tensors(optimiser)),
            **_prefixed("best", best),
            **_prefixed("random", self._random()),
            "losses": torch.stack(progress.losses) if progress.losses else torch.zeros(0),
        }
        facts = {
            "stage": self._stage,
            "step": progress.step,
            "history": progress.history,
            "stop_reason": progress.stop_reason,
            "score": score,
        }
        self._checkpoints.save(_NAME, tensors, facts)

    def restore_if_ended(self) -> StageProgress | None:
        """Put the last parameters in place where the stage has ended already; None otherwise."""
        state = self._matching_state()
        return self._restore(state) if state is not None and state[1]["stop_reason"] else None

    def load_state(
        self, optimiser: Optimizer, stopping: EarlyStopping | None = None
    ) -> StageProgress | None:
        """Put the kept state in place; None, and nothing changed, where none is kept that fits."""
        state = self._matching_state()
        if state is None:
            return None
        tensors, facts = state
        if not facts["stop_reason"]:
            _restore_optimiser(optimiser, _within("optimiser", tensors))
            if stopping is not None:
                stopping.load_state_dict(_within("best", tensors), facts["score"])
        return self._restore(state)

    def _matching_state(self) -> State | None:
        """What is kept of this very stage of this very network."""
        state = self._checkpoints.load(_NAME)
        if state is None or state[1]["stage"] != self._stage:
            return None
        present = {name: tensor.shape for name, tensor in trainable_state(self._network)}
        kept = {name: tensor.shape for name, tensor in _within("network", state[0]).items()}
        return state if present == kept else None

    @torch.no_grad()
    def _restore(self, state: State) -> StageProgress:
        tensors, facts = state
        for name, tensor in trainable_state(self._network):
            tensor.copy_(tensors[f"network/{name}"])
        self._restore_random(_within("random", tensors))
        device = next(self._network.parameters()).device
        losses = list(tensors["losses"].to(device).unbind())
        return StageProgress(facts["step"], facts["history"], losses, facts["stop_reason"])

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


class CheckpointFolder:
    """One file for each name in `folder`, which is made where it is missing.

    A file appears by rename after it has reached the disk, so that a crash leaves the last state
    or the one before, never half of one; the facts stand as JSON in its header. `pause` is the
    least time in seconds between two saves of a state that changes all the time; where writing
    takes long the pause grows, so that at most a twentieth of the time goes into it. With a pause
    of 0 every state is saved, and so it is once `urgent` says that the process should end.
    `on_saved` gets each file after it was saved, and its time counts as writing.
    """

    def __init__(
        self,
        folder: Path,
        pause: float = 30.0,
        urgent: Callable[[], bool] = lambda: False,
        on_saved: Callable[[Path], None] | None = None,
    ) -> None:
        self._folder = folder
        self._pause = pause
        self._urgent = urgent
        self._on_saved = on_saved
        self._saved = time.monotonic()
        self._took = 0.0

    def load(self, name: str) -> State | None:
        """Tensors by name, on the CPU, and the facts; None for a missing or unreadable file."""
        try:
            with safe_open(self._file(name), framework="pt") as opened:
                facts = json.loads((opened.metadata() or {})["facts"])
                return {key: opened.get_tensor(key) for key in opened.keys()}, facts  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write to a new file, then put it in the place of the one before."""
        began = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._file(name).with_suffix(f".{os.getpid()}.part")
        try:
            save_file(_separate_storage(tensors), fresh, {"facts": json.dumps(facts)})
            _fsync(fresh)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(self._file(name))
        _fsync(self._folder)
        if self._on_saved is not None:
            self._on_saved(self._file(name))
        self._saved = time.monotonic()
        self._took = self._saved - began

    def due(self) -> bool:
        """Whether the pause since the last save is over, or the process should end."""
        if self._pause == 0 or self._urgent():
            return True
        return time.monotonic() - self._saved >= max(self._pause, _TIME_SHARE * self._took)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def _separate_storage(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each in memory of its own, as the file format wants them."""
    seen: set[int] = set()
    separate: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        separate[key] = tensor.detach().cpu().contiguous()
        memory = separate[key].untyped_storage().data_ptr()
        if memory in seen:
            separate[key] = separate[key].clone()
        seen.add(memory)
    return separate


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
