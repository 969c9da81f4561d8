"""Checkpoints as safetensors files in a folder, within a budget of time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

if TYPE_CHECKING:
    from app.learn.checkpoints import State

# Of all time, at most one part in this many goes into writing checkpoints.
_SHARE = 20


class CheckpointFolder:
    """One file for each name in `folder`, which is made where it is missing.

    A file appears by rename after it has reached the disk, so that a crash leaves the last state
    or the one before, never half of one; the facts stand as JSON in its header. `pause` is the
    least time in seconds between two saves of a state that changes all the time; where writing
    takes long the pause grows, so that at most a twentieth of the time goes into it. With a pause
    of 0 every state is saved, and so it is once `urgent` says that the process should end. `then`
    gets each file after it was saved, and its time counts as writing.
    """

    def __init__(
        self,
        folder: Path,
        pause: float = 30.0,
        urgent: Callable[[], bool] = lambda: False,
        then: Callable[[Path], None] | None = None,
    ) -> None:
        self._folder = folder
        self._pause = pause
        self._urgent = urgent
        self._then = then
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
            save_file(_apart(tensors), fresh, {"facts": json.dumps(facts)})
            _to_disk(fresh)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(self._file(name))
        _to_disk(self._folder)
        if self._then is not None:
            self._then(self._file(name))
        self._saved = time.monotonic()
        self._took = self._saved - began

    def due(self) -> bool:
        """Whether the pause since the last save is over, or the process should end."""
        if self._pause == 0 or self._urgent():
            return True
        return time.monotonic() - self._saved >= max(self._pause, _SHARE * self._took)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each in memory of its own, as the file format wants them."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        apart[key] = tensor.detach().cpu().contiguous()
        memory = apart[key].untyped_storage().data_ptr()
        if memory in seen:
            apart[key] = apart[key].clone()
        seen.add(memory)
    return apart


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
