"""What the API says about the answers that models gave under an alias."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.aliases import PointedModel


class AnswersAnswer(BaseModel):
    """What one model answered under an alias; means are null before the first answer."""

    model: PointedModel
    since: datetime
    requests: int
    inputs: int
    failures: int = Field(description="Requests that it could not answer.")
    mean_confidence: float | None = Field(description="Of what it said, over inputs.")
    mean_seconds: float | None = Field(description="From question to answer, over requests.")


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
    agreements: int = Field(description="Inputs of which both said the same.")
    agreement: ShareWithInterval | None
    failures: int = Field(description="Requests that the shadow could not answer.")
    passed_over: int = Field(description="Requests it was not asked of: others were waiting.")
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
