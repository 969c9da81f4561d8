"""Requests and answers about aliases, and about what models answered under them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_WHICH = "A version of this name, an id, or any reference to a model."
VersionOrReference = Annotated[int, Field(ge=1)] | Annotated[str, StringConstraints(min_length=1)]


class CanaryFields(BaseModel):
    """A model to try on a part of the requests."""

    model_config = ConfigDict(extra="forbid")

    model: VersionOrReference = Field(description=_WHICH)
    percent: float = Field(gt=0, le=100, description="Its share of the requests.")


class ShadowFields(BaseModel):
    """A model that gets the same requests; its answers are only compared."""

    model_config = ConfigDict(extra="forbid")

    model: VersionOrReference = Field(description=_WHICH)
    percent: float = Field(
        100, gt=0, le=100, description="The share of those that the alias's model answers."
    )


class AliasFields(BaseModel):
    """Where an alias shall point; what is left out is removed."""

    model_config = ConfigDict(extra="forbid")

    model: VersionOrReference = Field(description=_WHICH, examples=[3])
    canary: CanaryFields | None = None
    shadow: ShadowFields | None = None


class PointedModel(BaseModel):
    """A model under an alias; without name and version where it is not there any more."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str | None = None
    version: int | None = None


class ShareAnswer(BaseModel):
    """A model beside the one that the alias points to."""

    model: PointedModel
    percent: float


class MoveAnswer(BaseModel):
    """That the alias pointed to a model from a moment on; null: it was removed then."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int
    model_id: str | None
    at: datetime


class AliasAnswer(BaseModel):
    """An alias: `name@alias` means its model."""

    name: str
    alias: str
    model: PointedModel
    canary: ShareAnswer | None
    shadow: ShareAnswer | None
    revision: int = Field(description="Grows with each change.")
    updated_at: datetime


class AliasWithMoves(AliasAnswer):
    """An alias, and where it pointed: the newest 50 moves, the newest first."""

    moves: list[MoveAnswer]


class AnswersAnswer(BaseModel):
    """What one model answered under an alias; means are null before the first answer."""

    model: PointedModel
    since: datetime
    requests: int
    inputs: int
    failures: int = Field(description="Requests that it could not answer.")
    mean_confidence: float | None = Field(description="Of its predictions, over inputs.")
    mean_seconds: float | None = Field(description="Latency, over requests.")


class ShareWithInterval(BaseModel):
    """A share with its 95% interval (Wilson)."""

    value: float
    low: float
    high: float


class DisagreementAnswer(BaseModel):
    """One input that a model and its shadow answered differently."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    answer: dict[str, Any]
    shadow_answer: dict[str, Any]
    input: Any = Field(description="The text; null unless BABELPORT_RECORD_TEXTS is set.")


class ShadowAnswer(BaseModel):
    """How a model and its shadow answered the same inputs; means are null before the first."""

    model: PointedModel
    shadow: PointedModel
    since: datetime
    requests: int = Field(description="Requests that both answered.")
    inputs: int
    agreements: int = Field(description="Inputs for which both predicted the same.")
    agreement: ShareWithInterval | None
    failures: int = Field(description="Requests that the shadow could not answer.")
    passed_over: int = Field(
        description="Requests that it did not get, because others were waiting."
    )
    mean_difference: float | None = Field(
        description="Of the probability of the label that the model named, over inputs."
    )
    largest_difference: float
    mean_seconds: float | None
    shadow_mean_seconds: float | None
    disagreements: list[DisagreementAnswer] = Field(description="The newest ones.")


class AliasComparisonAnswer(BaseModel):
    """Everything counted under an alias since it was made."""

    name: str
    alias: str
    answers: list[AnswersAnswer]
    shadows: list[ShadowAnswer]
