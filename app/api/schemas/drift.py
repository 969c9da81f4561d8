"""Schemas of drift."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.predictions import PredictedBy
from app.domain.drift import DriftState
from app.domain.traffic import Trait


class TraitAnswer(BaseModel):
    """One trait of the live inputs beside the evaluation's."""

    model_config = ConfigDict(from_attributes=True)

    trait: Trait
    sentence: str = Field(description="What changed, and from which amount on it matters.")
    drifted: bool
    distance: float | None = Field(description="0: alike; 1: apart; null: not compared.")
    matters_from: float | None = Field(description="Neither chance (1 in 100) nor small.")
    live: dict[str, float] = Field(description="Shares by name or by the bin's number.")
    evaluated: dict[str, float] | None


class RecordedTextAnswer(BaseModel):
    """A text of live traffic; there are some only where the operator lets texts be kept."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    day: str
    language: str
    labels: list[str]
    confidence: float


class DriftAnswer(BaseModel):
    """Live traffic beside the rows that the model was evaluated on."""

    model_config = ConfigDict(from_attributes=True)

    model: PredictedBy
    state: DriftState
    sentence: str
    since: str = Field(description="The first day that is counted, in UTC.")
    sampled: int = Field(description="Live inputs that were sampled.")
    needed: int = Field(description="So many are enough to compare.")
    evaluation_id: str | None
    evaluated_rows: int
    traits: list[TraitAnswer]
    texts: list[RecordedTextAnswer]
