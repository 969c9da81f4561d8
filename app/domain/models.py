"""The Model: an immutable registered artifact, what its file says, and how it is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
class EquivalenceCheck:
    """How a candidate's answers compare to the network's own, on the same rows.

    `rows` come from the model's own evaluation where `real`, and are made up otherwise.
    `same_answers` is the share of rows answered alike, `largest_difference` that of any
    probability. `metric` names the primary metric; `reference` is the network's value,
    `value` the candidate's: None where no row has a label.
    """

    rows: int
    real: bool
    same_answers: float
    largest_difference: float
    passed: bool
    metric: str | None = None
    reference: float | None = None
    value: float | None = None


@dataclass(frozen=True)
class ServingCandidate:
    """One way to serve a model, as it was tried.

    Speeds are inputs per second: in batches of like length on one processor, and one by one.
    `failure` says why it cannot be had; it was then neither checked nor measured.
    """

    engine: str
    precision: str
    size_bytes: int = 0
    check: EquivalenceCheck | None = None
    batched_per_second: float | None = None
    single_per_second: float | None = None
    failure: str = ""


@dataclass(frozen=True)
class Serving:
    """How a model is served, and every candidate that was tried.

    `sha256` is the digest of what was compiled; None where the model's own file is served.
    `reason` says in a sentence why it is this one; `failure` is an error's `as_dict()` where
    compiling itself went wrong.
    """

    engine: str
    precision: str
    reason: str
    sha256: str | None = None
    candidates: tuple[ServingCandidate, ...] = ()
    failure: dict[str, Any] | None = None

    @property
    def check(self) -> EquivalenceCheck | None:
        """The check of the candidate that was chosen."""
        for one in self.candidates:
            if (one.engine, one.precision) == (self.engine, self.precision):
                return one.check
        return None


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


@dataclass(frozen=True)
class Compiled:
    """How a model was found to answer fastest.

    `engine` and `precision` say what computes; `sha256` is the digest of what was compiled, None
    where it is the model's own file that is computed with.
    """

    engine: str
    precision: str
    sha256: str | None


@dataclass(frozen=True)
class Servable:
    """A model that can answer; `compiled` is None where that was not tried yet."""

    id: str
    name: str
    version: int
    sha256: str
    facts: ModelFacts
    compiled: Compiled | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model that is in memory; `pinned` ones stay there until they are unloaded."""

    model_id: str
    name: str
    version: int
    engine: str
    precision: str
    size_bytes: int
    pinned: bool


@dataclass(frozen=True)
class CacheCounts:
    """How often a model was here when it was asked, was loaded, and had to go for another."""

    hits: int = 0
    loads: int = 0
    drops: int = 0
