"""Requests and answers about datasets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.records import RecordName
from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind, DatasetStatus
from app.domain.languages import parse_language
from app.services.datasets import DatasetDetails


class DatasetFields(BaseModel):
    """What the user says of a data file; columns left out are found by their names."""

    model_config = ConfigDict(extra="forbid")

    name: RecordName | None = Field(None, description="Named after the file where it is left out.")
    kind: DatasetKind | None = Field(
        None,
        description="Left out: by the role in a transfer that it comes with; otherwise images "
        "for an archive and labelled for a table, or where its cells hold lists tokens or "
        "multi_labelled.",
    )
    text: str | None = Field(None, description="The column of texts or of words.")
    label: str | None = Field(None, description="The column of labels or of tags.")
    group: str | None = Field(
        None,
        description="The column whose equal values are never split between train and test. Left "
        "out: a column called `group`, and no other; empty for none.",
    )
    source: str | None = Field(None, description="Of pairs: the column, or file, of sources.")
    target: str | None = Field(None, description="Of pairs: the column, or file, of targets.")
    separator: str | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="What stands between the labels of one row where one cell holds several.",
    )
    part: Literal["train", "validation", "test"] | None = Field(
        None,
        description="Of images that come with all their parts (folders `train` and `test`, arrays "
        "`x_train` and `x_test`, MNIST's four files): which to read; `train` where it is left "
        "out. Of an archive of several tables (`train.csv`, `test.csv`) it must be given.",
    )


class NewDatasetFields(DatasetFields):
    """The same of a file that comes alone."""

    language: str = Field(description="BCP-47 tag of the language of the data.", examples=["de"])


class PartDatasetFields(DatasetFields):
    """The same of a file that comes with a transfer."""

    language: str | None = Field(
        None,
        description="Left out: the transfer's language; for source roles that of the model.",
    )


class DatasetFactsAnswer(BaseModel):
    """What reading the file established."""

    model_config = ConfigDict(from_attributes=True)

    kind: DatasetKind
    rows: int
    labels: list[str]
    grouped: bool = Field(description="Whether rows carry a group.")
    image_shape: tuple[int, int, int] | None = Field(description="Channels, height, width.")
    report: dict[str, Any] = Field(
        description="Balance, lengths, duplicates, empty rows, label variants, the check of the "
        "language, rows in another one; `notes` says in sentences what deserves a look."
    )


class DatasetAnswer(BaseModel):
    """A registered dataset."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["dst_1c0f5a7d2b9e4c36"])
    name: str
    language: str
    status: DatasetStatus
    created_at: datetime
    size_bytes: int
    upload_sha256: str = Field(description="Of the file as it was sent.")
    sha256: str | None = Field(description="Of its canonical table; null when it was rejected.")
    facts: DatasetFactsAnswer | None = Field(description="Null exactly when it was rejected.")
    rejection: dict[str, Any] | None = Field(
        description="Why it was rejected: code, message, advice, fields."
    )


class DatasetUnderModelAnswer(DatasetAnswer):
    """A dataset, and how a model's tokenizer cuts its texts."""

    token_fertility: dict[str, Any] | None = Field(
        None,
        description="Tokens per word and per character, the share of unknown tokens, the share of "
        "texts that are longer than the model reads (`truncated_share`) and of tokens that are cut "
        "off (`lost_share`), and notes where these are bad.",
    )


class RowsAnswer(BaseModel):
    """Some rows of a table."""

    items: list[dict[str, Any]]
    offset: int
    total: int


def dataset_details(
    fields: DatasetFields, language: str, kind: DatasetKind | None = None
) -> DatasetDetails:
    """What the user says of a dataset in `language`; raises `LanguageUnknown`.

    `kind` is what it is taken for where the user does not say.
    """
    names = ("text", "label", "group", "source", "target")
    columns = {name: getattr(fields, name) for name in (*names, "separator", "part")}
    hints = DatasetHints(kind=fields.kind or kind, **columns)
    return DatasetDetails(language=parse_language(language), name=fields.name, hints=hints)
