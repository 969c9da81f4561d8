"""What is needed to answer for a model, what stands in memory of it, and what a batch was."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.models import ModelFacts


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
class Resident:
    """A model that is in memory; `pinned` ones stay there until they are unloaded."""

    model_id: str
    name: str
    version: int
    engine: str
    precision: str
    size_bytes: int
    pinned: bool


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
class Work:
    """What a predictor process has computed since it began; `padded` are tokens with padding."""

    batches: int = 0
    inputs: int = 0
    tokens: int = 0
    padded: int = 0

    def and_a_batch(self, inputs: int, tokens: int, padded: int) -> Work:
        """The same with one batch more."""
        return Work(
            self.batches + 1, self.inputs + inputs, self.tokens + tokens, self.padded + padded
        )


@dataclass(frozen=True)
class Uses:
    """How often a model was here when it was asked, was loaded, and had to go for another."""

    hits: int = 0
    loads: int = 0
    drops: int = 0
