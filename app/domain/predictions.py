"""The Prediction: how a served model is asked, one by one or in batches, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.jobs import JobState

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
class PredictionOptions:
    """What a request for predictions asks for beside its inputs.

    `key` is who asks: each key has a share of the queue. `deadline` is when an answer is of no use
    any more, in seconds of `time.monotonic()`; None where the asker waits as long as it takes.
    Requests with the same `route_key` are answered by the same model where an alias has a canary.
    With `window` long texts are read to their end.
    """

    key: str = ""
    deadline: float | None = None
    route_key: str = ""
    window: Window | None = None


DEFAULT_OPTIONS = PredictionOptions()


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


class Measure(StrEnum):
    """How near two words are: their cosine, or cross-domain similarity local scaling."""

    COSINE = "cosine"
    CSLS = "csls"


@dataclass(frozen=True)
class NearWord:
    """A word and its score, which is larger the nearer it is."""

    word: str
    score: float


@dataclass(frozen=True)
class NearWords:
    """The words nearest to `word`, the nearest first."""

    word: str
    matches: tuple[NearWord, ...]


@dataclass(frozen=True)
class WordAnswers:
    """What was found in `target_language` for words of `language`; `unknown` ones are not there."""

    language: str
    target_language: str
    results: tuple[NearWords, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class BatchPrediction:
    """A batch prediction as stored.

    `rows` are those of the dataset, `rows_done` those answered and kept so far. `attempt` is the
    fencing token; `failure` is an error's `as_dict()`, of a job that waits again the one by which
    its last attempt was lost. `results_sha256` and `size_bytes` are of the Parquet file of a job
    that succeeded; `results_dropped_at` says when retention took that away. With `window` long
    texts are read in windows.
    """

    id: str
    model_id: str
    dataset_id: str
    rows: int
    created_at: datetime
    name: str | None = None
    state: JobState = JobState.QUEUED
    rows_done: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_expires_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: dict[str, Any] | None = None
    results_sha256: str | None = None
    size_bytes: int | None = None
    results_dropped_at: datetime | None = None
    window: Window | None = None


@dataclass(frozen=True)
class BatchFacts:
    """The batch in which an answer was computed; the last one where there were several.

    `number` counts the batches of one predictor process; `inputs` and `tokens` are those of the
    whole batch, `padded` its tokens with padding. `waited_seconds` lie between the request's
    arrival and the batch, which took `seconds`.
    """

    number: int
    inputs: int
    tokens: int
    padded: int
    waited_seconds: float
    seconds: float


@dataclass(frozen=True)
class PredictorTotals:
    """What a predictor process has computed since it began; `padded` are tokens with padding."""

    batches: int = 0
    inputs: int = 0
    tokens: int = 0
    padded: int = 0

    def and_a_batch(self, inputs: int, tokens: int, padded: int) -> PredictorTotals:
        """The same with one batch more."""
        return PredictorTotals(
            self.batches + 1, self.inputs + inputs, self.tokens + tokens, self.padded + padded
        )
