"""What the API and the predictor process say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.predictions import Window
from app.domain.serving import BatchFacts, Resident, Servable, Uses, Work
from app.serving.word_questions import WordQuestion, WordReply


@dataclass(frozen=True)
class Ask:
    """Answer these inputs: texts, tuples of words, or uint8 images (channels, height, width).

    `deadline` is a moment of `time.monotonic()`, which all processes of a machine share. With
    `window` a text that is longer than the model reads is read in windows.
    """

    servable: Servable
    inputs: list[Any]
    deadline: float | None = None
    window: Window | None = None


@dataclass(frozen=True)
class Drop:
    """Nobody waits any more for the answer to the request of this number."""

    request: int


@dataclass(frozen=True)
class Load:
    """Load a model and warm it up; a `pinned` one then stays."""

    servable: Servable
    pinned: bool = False


@dataclass(frozen=True)
class Unload:
    """Take a model out of memory, pinned or not."""

    model_id: str


@dataclass(frozen=True)
class Tell:
    """Say which models are in memory, and what waits."""


Message = Ask | Drop | Load | Unload | Tell | WordQuestion


@dataclass(frozen=True)
class Probabilities:
    """The answer to `Ask`: float32 (classes,) or (words, classes) for each input.

    `truncated` says of each whether only part of it was read, `windows` in how many windows.
    """

    of_inputs: list[np.ndarray]
    truncated: list[bool]
    windows: list[int]
    batch: BatchFacts


@dataclass(frozen=True)
class State:
    """The answer to `Tell`; `waiting_...` are inputs and tokens that wait.

    `gpu_bytes` is what torch holds of its GPU's memory; None where it has no GPU, or is not used.
    """

    residents: tuple[Resident, ...]
    waiting_inputs: int
    waiting_tokens: int
    work: Work = field(default_factory=Work)
    uses: Uses = field(default_factory=Uses)
    gpu_bytes: int | None = None


@dataclass(frozen=True)
class Done:
    """The answer to `Load` and `Unload`; `found` says whether there was anything to unload."""

    found: bool = True


@dataclass(frozen=True)
class Expired:
    """The request's deadline passed before it was computed."""


@dataclass(frozen=True)
class WindowsExceeded:
    """The input at `position` brings a request to so many `windows` or more, above `limit`.

    `of_text` says that both are of this text alone, else of the request.
    """

    position: int
    windows: int
    limit: int
    of_text: bool


@dataclass(frozen=True)
class MemoryFull:
    """Pinned models leave no room for another one; sizes in bytes."""

    needed: int
    limit: int


@dataclass(frozen=True)
class Failure:
    """Why there is no answer, as text: an exception might not be rebuilt on the other side."""

    reason: str


Reply = Probabilities | State | Done | Expired | WindowsExceeded | MemoryFull | Failure | WordReply
