"""What the API says about aliases of models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_WHICH = "A version of this name, an id, or any reference to a model."
Wished = Annotated[int, Field(ge=1)] | Annotated[str, StringConstraints(min_length=1)]


class CanaryFields(BaseModel):
    """A model to try on a part of the requests."""

    model_config = ConfigDict(extra="forbid")

    model: Wished = Field(description=_WHICH)
    percent: float = Field(gt=0, le=100, description="Its share of the requests.")


class ShadowFields(BaseModel):
    """A model to ask too, whose answers are only compared."""

    model_config = ConfigDict(extra="forbid")

    model: Wished = Field(description=_WHICH)
    percent: float = Field(
        100, gt=0, le=100, description="Of how many requests to the alias's model it is asked."
    )


class AliasFields(BaseModel):
    """Where an alias shall point; what is left out is taken away."""

    model_config = ConfigDict(extra="forbid")

    model: Wished = Field(description=_WHICH, examples=[3])
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
