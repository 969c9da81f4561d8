"""The Model: an immutable registered artifact, and what its file says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.compilations import Serving
from app.domain.enums import Format, ModelStatus, Task


@dataclass(frozen=True)
class ImageInput:
    """The images a model takes; a pixel of 0..255 becomes `(value / 255 - mean) / std`.

    `resizes` tells whether the model's own preprocessing scales an image of any size to
    `height` x `width`; otherwise an image of another shape is refused. `mean` and `std` have one
    number per channel.
    """

    channels: int
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resizes: bool = False

    def takes(self, shape: tuple[int, int, int]) -> bool:
        """Whether images of this shape (channels, height, width) can be asked about.

        A network that reads colours reads grey images as well: each channel is the same.
        """
        channels, *size = shape
        fits = self.resizes or tuple(size) == (self.height, self.width)
        return channels in (1, self.channels) and fits


@dataclass(frozen=True)
class TextInput:
    """The texts a model takes: cut at `max_tokens`, each with `prefix` before it."""

    max_tokens: int
    prefix: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """What reading a model's file established; `input` is TextInput or ImageInput.

    `words` counts the vectors of a model of word vectors; it is 0 for all others. `notes` say in
    sentences what of the file was left out.
    """

    format: Format
    task: Task
    labels: tuple[str, ...]
    input: TextInput | ImageInput
    architecture: str
    parameters: int
    words: int = 0
    notes: tuple[str, ...] = ()

    @property
    def vector_width(self) -> int:
        """Numbers per word of a model of word vectors: matrix and linear head make it up."""
        if not self.words:
            return 0
        return (self.parameters - len(self.labels)) // (self.words + len(self.labels))


@dataclass(frozen=True)
class ModelHints:
    """What the user says of a file that cannot say it itself; the file wins where both speak.

    `input` is the JSON form of an ImageInput (any subset of its fields). `vectors` says of word
    vectors how many `words` to read and which `pooling` makes a text of them.
    """

    labels: tuple[str, ...] = ()
    input: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A registered model: `facts` and `sha256` are None exactly when it was rejected.

    `rejection` holds an error's `as_dict()`; `parent_id` and `transfer_id` are its lineage.
    `serving` is how it is served, None until that was found out.
    """

    id: str
    name: str
    version: int
    status: ModelStatus
    languages: tuple[str, ...]
    created_at: datetime
    size_bytes: int
    sha256: str | None = None
    facts: ModelFacts | None = None
    rejection: dict[str, Any] | None = None
    parent_id: str | None = None
    transfer_id: str | None = None
    serving: Serving | None = None
