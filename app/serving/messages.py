"""The messages between the API and the predictor process, and their bytes on the socket.

Both ends are processes of this service on one machine, so messages are pickled, as
`multiprocessing` itself does; nothing that a user sent is ever unpickled.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.models import CacheCounts, LoadedModel, Servable
from app.domain.predictions import (
    BatchFacts,
    PredictorTotals,
    Window,
    WordAnswers,
)

_LENGTH = struct.Struct(">Q")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class WordSpace:
    """One language of a model; `language` None means the first, or the first that is another."""

    servable: Servable
    language: str | None = None


@dataclass(frozen=True)
class WordQuestion:
    """Which words of `target` are nearest to `words` of `source`; None: of the same language."""

    source: WordSpace
    target: WordSpace | None
    words: tuple[str, ...]
    k: int
    csls: bool


@dataclass(frozen=True)
class WordReply:
    """The answers; or the model that lacks a `language`, and those it knows."""

    answers: WordAnswers | None = None
    model: str = ""
    language: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictRequest:
    """Answer these inputs: texts, tuples of words, or uint8 images (channels, height, width).

    `deadline` is a moment of `time.monotonic()`, which all processes of a machine share. With
    `window` a text that is longer than the model reads is read in windows.
    """

    servable: Servable
    inputs: list[Any]
    deadline: float | None = None
    window: Window | None = None


@dataclass(frozen=True)
class CancelRequest:
    """Nobody waits any more for the answer to the request of this number."""

    request: int


@dataclass(frozen=True)
class LoadRequest:
    """Load a model and warm it up; a `pinned` one then stays."""

    servable: Servable
    pinned: bool = False


@dataclass(frozen=True)
class UnloadRequest:
    """Take a model out of memory, pinned or not."""

    model_id: str


@dataclass(frozen=True)
class StateRequest:
    """Say which models are in memory, and what waits."""


PredictorRequest = (
    PredictRequest | CancelRequest | LoadRequest | UnloadRequest | StateRequest | WordQuestion
)


@dataclass(frozen=True)
class PredictReply:
    """The answer to `PredictRequest`; `probabilities` has float32 (classes,) for each input.

    Those of a tagger are (words, classes).

    `truncated` says of each whether only part of it was read, `windows` in how many windows.
    """

    probabilities: list[np.ndarray]
    truncated: list[bool]
    windows: list[int]
    batch: BatchFacts


@dataclass(frozen=True)
class StateReply:
    """The answer to `StateRequest`; `waiting_...` are inputs and tokens that wait.

    `gpu_bytes` is what torch holds of its GPU's memory; None where it has no GPU, or is not used.
    """

    residents: tuple[LoadedModel, ...]
    waiting_inputs: int
    waiting_tokens: int
    work: PredictorTotals = field(default_factory=PredictorTotals)
    uses: CacheCounts = field(default_factory=CacheCounts)
    gpu_bytes: int | None = None


@dataclass(frozen=True)
class Done:
    """The answer to `LoadRequest` and `UnloadRequest`; `found`: whether there was one to unload."""

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


PredictorReply = (
    PredictReply | StateReply | Done | Expired | WindowsExceeded | MemoryFull | Failure | WordReply
)


def encode_frame(content: Any) -> bytes:
    """The bytes of one frame: its length in eight bytes, then the content."""
    packed = pickle.dumps(content, protocol=5)
    return _LENGTH.pack(len(packed)) + packed


class FrameReader:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[Any]:
        """The contents of all frames that `received` completes."""
        self._buffer += received
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            [length] = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield pickle.loads(memoryview(self._buffer)[start + _LENGTH.size : end])  # noqa: S301
            start = end
        del self._buffer[:start]


def read_frames(channel: socket.socket) -> Iterator[Any]:
    """Frames from a blocking socket until the other side closes it."""
    reader = FrameReader()
    while received := channel.recv(_CHUNK_BYTES):
        yield from reader.feed(received)
