"""What the API says about models."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.names import Name
from app.api.schemas.serving import ServingAnswer
from app.domain.enums import Format, ModelStatus, Task
from app.domain.models import ImageInput, TextInput


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
        None, ge=1, description="Read so many, the first (most frequent) ones; 200,000 by default."
    )
    pooling: Literal["mean", "sif"] | None = Field(
        None,
        description="How the words of a text become one vector: their mean, or smooth inverse "
        "frequency (Arora et al., 2017). `mean` by default.",
    )


class ModelFields(BaseModel):
    """What the user says of a model file; the file wins where both speak."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = Field(None, description="Named after the file where it is left out.")
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
