"""The Prediction: what a served model answers for one input, and on which terms it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_WINDOWS = 64  # of one text


class WindowPool(StrEnum):
    """How the answers to the windows of a text become one.

    The mean of their probabilities; the greatest of each label, which sum to 1 again where one
    label is chosen; or the share of the windows that vote for a label, the mean being one vote
    more, which decides where votes are even.
    """

    MEAN = "mean"
    MAX = "max"
    VOTE = "vote"


@dataclass(frozen=True)
class Window:
    """How a text is read that is longer than the model reads: in overlapping windows.

    `stride` is how many tokens neighbours share, as in transformers; at most half of a window.
    """

    pool: WindowPool = WindowPool.MEAN
    stride: int = 64


@dataclass(frozen=True)
class Terms:
    """Under which terms a request for predictions comes.

    `key` is who asks: each key has a share of the queue. `deadline` is when an answer is of no use
    any more, in seconds of `time.monotonic()`; None where the asker waits as long as it takes.
    Requests with the same `route_key` are answered by the same model where an alias has a canary.
    With `window` long texts are read to their end.
    """

    key: str = ""
    deadline: float | None = None
    route_key: str = ""
    window: Window | None = None


NO_TERMS = Terms()


@dataclass(frozen=True)
class Prediction:
    """The likeliest label, and the probability of every label, which sum to 1.

    `truncated` says that the text is longer than the model reads: its end played no part.
    `windows` is in how many windows it was read.
    """

    label: str
    probabilities: dict[str, float]
    truncated: bool = False
    windows: int = 1


@dataclass(frozen=True)
class LabelSetPrediction:
    """The labels that apply, and the probability of each label by itself; else as Prediction."""

    labels: tuple[str, ...]
    probabilities: dict[str, float]
    truncated: bool = False
    windows: int = 1


@dataclass(frozen=True)
class WordTag:
    """The likeliest tag of a word, how probable it is, and the word's characters in the input.

    `start` and `end` count characters of the text, or of the words with spaces between.
    """

    word: str
    tag: str
    probability: float
    start: int
    end: int


@dataclass(frozen=True)
class Entity:
    """Words that belong together, from the first to the last one (both counted from 0)."""

    type: str
    text: str
    first_word: int
    last_word: int
    start: int
    end: int


@dataclass(frozen=True)
class TaggedPrediction:
    """A tag for each word, and the entities that the tags mark."""

    words: tuple[WordTag, ...]
    entities: tuple[Entity, ...]


AnyPrediction = Prediction | LabelSetPrediction | TaggedPrediction
