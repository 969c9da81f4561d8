"""Requests and answers about predictions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.predictions import MOST_WINDOWS, Window, WindowPool

_INPUT = (
    "A text; for a tagger a text or a list of words; or an image as base64 PNG or JPEG, or as "
    "nested numbers [height][width], "
    "[channels][height][width] or [height][width][channels]: whole numbers from 0 to 255, "
    "decimal numbers from 0 to 1."
)
WINDOW = (
    "For models that classify texts: read a text that is longer than the model reads in windows, "
    f"at most {MOST_WINDOWS}, and not only its beginning. A text that fits is answered as without."
)
_WINDOWS = "In how many windows the text was read; 1 without `window` and where it fits."
_TRUNCATED = "Whether the text is longer than the model reads: what was cut off played no part."


class WindowFields(BaseModel):
    """How texts that are longer than the model reads are read: in overlapping windows."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    pool: WindowPool = Field(
        WindowPool.MEAN,
        description="How the windows' answers become one: the mean of their probabilities, the "
        "greatest of each label, or a vote: the share of windows that predict a label, the mean "
        "being one vote more.",
    )
    stride: int = Field(
        64,
        ge=0,
        le=4096,
        description="Tokens that neighbours share; more than half of a window counts as half.",
    )

    def as_window(self) -> Window:
        """The same for the service."""
        return Window(self.pool, self.stride)


class PredictionRequest(BaseModel):
    """One `input` or many `inputs`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"inputs": ["Turn on the lights."]}}
    )

    inputs: list[Any] | None = Field(None, description=f"Several inputs, each one: {_INPUT}")
    input: Any = Field(None, description=_INPUT)
    window: WindowFields | None = Field(None, description=WINDOW)

    @model_validator(mode="after")
    def _exactly_one(self) -> PredictionRequest:
        if len(self.model_fields_set & {"inputs", "input"}) != 1:
            raise ValueError("give either `input` or `inputs`")
        return self

    def all_inputs(self) -> list[Any]:
        """The inputs, be they one or many."""
        return [self.input] if self.inputs is None else self.inputs


class PredictionAnswer(BaseModel):
    """The prediction for one input."""

    model_config = ConfigDict(from_attributes=True)

    label: str = Field(description="The likeliest label.", examples=["TurnOn"])
    probabilities: dict[str, float] = Field(
        description="Every label with its probability; they sum to 1.",
        examples=[{"TurnOn": 0.93, "TurnOff": 0.07}],
    )
    truncated: bool = Field(description=_TRUNCATED)
    windows: int = Field(1, description=_WINDOWS)


class LabelSetAnswer(BaseModel):
    """The prediction for one input of a model that may give any number of labels."""

    model_config = ConfigDict(from_attributes=True)

    labels: list[str] = Field(description="The labels whose probability is at least one half.")
    probabilities: dict[str, float] = Field(description="Of every label, each by itself.")
    truncated: bool = Field(description=_TRUNCATED)
    windows: int = Field(1, description=_WINDOWS)


class WordAnswer(BaseModel):
    """A word and its tag."""

    model_config = ConfigDict(from_attributes=True)

    word: str
    tag: str = Field(examples=["B-PER"])
    probability: float
    start: int = Field(description="Where it begins in the text, in characters from 0.")
    end: int = Field(description="Where the next character stands.")


class EntityAnswer(BaseModel):
    """Words that the tags mark as one entity; positions count from 0."""

    model_config = ConfigDict(from_attributes=True)

    type: str = Field(examples=["PER"])
    text: str
    first_word: int
    last_word: int
    start: int
    end: int


class TaggedAnswer(BaseModel):
    """The prediction of a tagger for one sentence."""

    model_config = ConfigDict(from_attributes=True)

    words: list[WordAnswer]
    entities: list[EntityAnswer]


class PredictedBy(BaseModel):
    """The model that answered; a name without a version means its newest."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    version: int


class PredictionsAnswer(BaseModel):
    """One prediction per input, in the order of the inputs."""

    model: PredictedBy
    predictions: list[PredictionAnswer | LabelSetAnswer | TaggedAnswer] = Field(
        description="By the model's task: one label, any number of labels, or a tag for each word."
    )
