"""Requests and answers about words of models of word vectors."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.predictions import PredictedBy
from app.domain.predictions import Measure

Word = Annotated[str, Field(min_length=1, max_length=200)]


class NeighboursRequest(BaseModel):
    """Words of one language, of which the nearest in the same language are wanted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"words": ["house"]}})

    words: list[Word] = Field(min_length=1, max_length=100)
    k: int = Field(10, ge=1, le=100, description="How many for each word.")
    measure: Measure = Field(
        Measure.COSINE, description="csls: cross-domain similarity local scaling, against hubs."
    )
    language: str | None = Field(
        None, description="Of the words, where the model knows several; its first if left out."
    )


class TranslationsRequest(NeighboursRequest):
    """Words of one language, of which the nearest in another are wanted."""

    measure: Measure = Measure.CSLS
    target_language: str | None = Field(
        None, description="Of the translations; the model's other language if left out."
    )
    target_model: str | None = Field(
        None, description="A second model in the same space; the same model if left out."
    )


class NearWordAnswer(BaseModel):
    """A word that is near, and how near: larger is nearer."""

    model_config = ConfigDict(from_attributes=True)

    word: str
    score: float


class NearWordsAnswer(BaseModel):
    """What was found for one word, the nearest first."""

    model_config = ConfigDict(from_attributes=True)

    word: str
    matches: list[NearWordAnswer]


class WordsAnswer(BaseModel):
    """One result per known word, in the order of the request."""

    model_config = ConfigDict(from_attributes=True)

    model: PredictedBy
    measure: Measure
    language: str = Field(description="Of the words asked for; `und` where the file names none.")
    target_language: str = Field(description="Of the words found.")
    results: list[NearWordsAnswer]
    unknown: list[str] = Field(description="Words that the vocabulary does not hold.")
