"""Requests and answers about models, how they are served, and the drift of their traffic."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.predictions import PredictedBy
from app.api.schemas.records import RecordName
from app.domain.enums import Format, ModelStatus, Task
from app.domain.evaluations import DriftState, Trait
from app.domain.languages import parse_language
from app.domain.models import ImageInput, ModelHints, TextInput
from app.services.models import ModelDetails


class CheckAnswer(BaseModel):
    """How a candidate's answers compare to the network's own."""

    model_config = ConfigDict(from_attributes=True)

    rows: int = Field(description="How many inputs both answered.")
    real: bool = Field(
        description="Whether they are rows of the model's own evaluation; random tokens or pixels "
        "otherwise."
    )
    same_answers: float = Field(description="The share of inputs that both answer alike.")
    largest_difference: float = Field(description="Of any probability.")
    passed: bool
    metric: str | None = Field(description="The primary metric; null without labels.")
    reference: float | None = Field(description="The network's own value of it.")
    value: float | None = Field(description="The candidate's value of it.")


class CandidateAnswer(BaseModel):
    """One way to serve the model, as it was tried on the worker's machine."""

    model_config = ConfigDict(from_attributes=True)

    engine: str = Field(examples=["onnxruntime"])
    precision: str = Field(examples=["int8"])
    size_bytes: int = Field(description="What it holds in memory; 0 where it could not be made.")
    check: CheckAnswer | None
    batched_per_second: float | None = Field(
        description="Inputs per second in batches of 16 of like length, on one processor."
    )
    single_per_second: float | None = Field(
        description="Inputs per second one by one, on all processors."
    )
    failure: str = Field(description="Why it could not be made; empty otherwise.")


class ServingAnswer(BaseModel):
    """How a model is served."""

    model_config = ConfigDict(from_attributes=True)

    engine: str = Field(examples=["onnxruntime"])
    precision: str = Field(examples=["int8"])
    reason: str = Field(description="Why it was chosen, in a sentence.")
    sha256: str | None = Field(
        description="Of what was compiled; null where the model's own file is served."
    )
    check: CheckAnswer | None = Field(description="That of the candidate that was chosen.")
    candidates: list[CandidateAnswer] = Field(description="All that were tried.")
    failure: dict[str, Any] | None = Field(
        description="Why compiling failed: code, message, advice, fields."
    )


class ImageInputFields(BaseModel):
    """Which images a model takes; any subset, where the file does not say it itself."""

    model_config = ConfigDict(extra="forbid")

    channels: int | None = Field(None, ge=1, le=4)
    height: int | None = Field(None, ge=1, le=4096)
    width: int | None = Field(None, ge=1, le=4096)
    mean: list[float] | None = Field(None, description="One number per channel.")
    std: list[float] | None = Field(None, description="One number per channel.")


class VectorFields(BaseModel):
    """How a file of word vectors is read; other formats have no use for it."""

    model_config = ConfigDict(extra="forbid")

    words: int | None = Field(
        None, ge=1, description="How many of the first (most frequent) to read; 200,000 by default."
    )
    pooling: Literal["mean", "sif"] | None = Field(
        None,
        description="How the words of a text become one vector: their mean, or smooth inverse "
        "frequency (Arora et al., 2017). `mean` by default.",
    )


class ModelFields(BaseModel):
    """What the user says of a model file; where both give a value, the file's is taken."""

    model_config = ConfigDict(extra="forbid")

    name: RecordName | None = Field(None, description="Named after the file where it is left out.")
    language: str = Field("en", description="BCP-47 tag of the language it was trained on.")
    labels: list[str] | None = Field(None, description="Names of the classes, in their order.")
    input: ImageInputFields | None = None
    vectors: VectorFields | None = None


class FactsAnswer(BaseModel):
    """What reading the file established."""

    model_config = ConfigDict(from_attributes=True)

    format: Format
    task: Task
    labels: list[str]
    input: TextInput | ImageInput
    architecture: str
    parameters: int
    words: int = Field(0, description="Vectors of a model of word vectors; 0 for others.")
    notes: list[str] = Field(
        default_factory=list, description="What of the file was left out when it was read."
    )


class ModelAnswer(BaseModel):
    """A registered model."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["mdl_9f2c41d07b3e6a58"])
    name: str
    version: int
    status: ModelStatus
    languages: list[str]
    created_at: datetime
    size_bytes: int
    sha256: str | None = Field(description="Of the artifact; null when it was rejected.")
    facts: FactsAnswer | None = Field(description="Null exactly when it was rejected.")
    rejection: dict[str, Any] | None = Field(
        description="Why it was rejected: code, message, advice, fields."
    )
    parent_id: str | None = Field(description="The model that it was transferred from.")
    transfer_id: str | None = Field(description="The transfer that made it.")
    serving: ServingAnswer | None = Field(
        None, description="How it is served; null until a worker has compiled it."
    )


class AncestorAnswer(BaseModel):
    """A model that another came from; `model` is null when it was deleted since."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    model: ModelAnswer | None
    transfer_id: str | None
    method: str | None
    language: str | None = Field(description="The language that the transfer carried it into.")


class TraitAnswer(BaseModel):
    """One trait of the live inputs beside the evaluation's."""

    model_config = ConfigDict(from_attributes=True)

    trait: Trait
    sentence: str = Field(description="What changed, and from which distance on it matters.")
    drifted: bool
    distance: float | None = Field(description="0: alike; 1: apart; null: not compared.")
    matters_from: float | None = Field(
        description="The distance above which a change is neither chance (1 in 100) nor small."
    )
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
    needed: int = Field(description="How many are needed for a comparison.")
    evaluation_id: str | None
    evaluated_rows: int
    traits: list[TraitAnswer]
    texts: list[RecordedTextAnswer]


def model_details(fields: ModelFields) -> ModelDetails:
    """What the user says of a model; raises `LanguageUnknown`."""
    image = fields.input.model_dump(exclude_none=True) if fields.input else {}
    vectors = fields.vectors.model_dump(exclude_none=True) if fields.vectors else {}
    return ModelDetails(
        languages=(parse_language(fields.language),),
        name=fields.name,
        hints=ModelHints(labels=tuple(fields.labels or ()), input=image, vectors=vectors),
    )
