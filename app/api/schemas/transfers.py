"""Requests and answers about transfers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.datasets import PartDatasetFields
from app.api.schemas.models import ModelFields
from app.api.schemas.records import RecordName
from app.domain.enums import Role
from app.domain.jobs import AttemptOutcome, JobState
from app.domain.transfers import SampleSize, Turn
from app.services.transfers.request import TransferRequest


class SampleFields(BaseModel):
    """How many target training rows a transfer may see; one of the two."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    per_class: int | None = Field(None, ge=1)
    rows: int | None = Field(None, ge=1)


class RequestFields(BaseModel):
    """What every request for a transfer says, however its model and data come."""

    model_config = ConfigDict(extra="forbid")

    language: str = Field(description="BCP-47 tag of the target language.", examples=["de"])
    method: str = Field("fine-tune", description="One of GET /v1/methods.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="By the method's own schema."
    )
    name: RecordName | None = Field(
        None, description="Of the new model; the source's name and the language where left out."
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="Of splits, samples and training; on a CPU one request always gives one model.",
    )
    repeats: int = Field(1, ge=1, le=20, description="Runs with other samples and seeds.")
    sample: SampleFields | None = Field(
        None, description="Train on a sample only, drawn anew for each repeat."
    )
    validation_fraction: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="Split off `train` without a validation dataset. Left out: 0.15 where the "
        "method uses validation rows and there are enough rows, else none; `result.validation` "
        "says which and why.",
    )
    test_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Split off `train` without a test dataset."
    )
    wanted_precision: float = Field(
        0.95,
        ge=0.5,
        lt=1,
        description="How many of the answers should be right that the new model gives where it "
        "is sure enough; `result.advice.abstention` has the probability to demand for that.",
    )
    auxiliary_model: str | None = Field(
        None,
        min_length=1,
        description="A second model, for methods that take one: the reference of a registered "
        "model, `starter` (the encoder that comes with the service) or `hub:` and a name on a hub.",
    )
    label_mapping: dict[str, str] = Field(
        default_factory=dict,
        description="From labels of the datasets to labels of the model, where they differ.",
    )

    priority: int = Field(
        0,
        ge=-100,
        le=100,
        description="Of queued transfers, those with the highest start first.",
    )
    tenant: str = Field(
        "",
        max_length=100,
        description="A team or customer; among equal priorities, tenants are served fairly.",
    )


class TransferFields(RequestFields):
    """A transfer of registered records."""

    model: str = Field(description="An id, a name, name@version or name@alias.")
    datasets: dict[Role, str] = Field(
        description="Ids of datasets by role; GET /v1/methods says which a method takes."
    )


class TransferWithFilesFields(RequestFields):
    """The part `spec` of a transfer that comes with its files, all in one request.

    `model` describes the part `model`, or refers to a registered model; `datasets` describe
    parts by role, or refer to registered datasets.
    """

    model: ModelFields | str = Field(default_factory=ModelFields)
    datasets: dict[Role, PartDatasetFields | str] = Field(default_factory=dict)


class SpecAnswer(BaseModel):
    """What was asked for, with all defaults filled in."""

    model_config = ConfigDict(from_attributes=True)

    model_id: str
    language: str
    method: str
    datasets: dict[Role, str]
    parameters: dict[str, Any]
    name: str | None
    seed: int
    repeats: int
    sample: SampleFields | None
    validation_fraction: float | None
    test_fraction: float
    wanted_precision: float
    auxiliary_model: str | None
    label_mapping: dict[str, str]


class ProgressAnswer(BaseModel):
    """How far a running transfer is."""

    model_config = ConfigDict(from_attributes=True)

    phase: str
    fraction: float
    eta_seconds: float | None


class TransferAnswer(BaseModel):
    """A transfer."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["trf_52e1b0c98f3d7a64"])
    state: JobState
    spec: SpecAnswer
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    priority: int
    tenant: str
    not_before: datetime | None = Field(
        description="When the next attempt may start, after attempts that were lost."
    )
    batch_halvings: int = Field(
        validation_alias="memory_failures",
        description="How often memory ran out: batches are computed in 2 to this power parts.",
    )
    cancel_requested: bool
    pause_requested: bool
    progress: ProgressAnswer | None
    model_id: str | None = Field(description="The new model of a succeeded transfer.")
    result: dict[str, Any] | None = Field(
        description="The account of a succeeded transfer: `verdict`, `score`, `comparisons`, "
        "`forgetting` (after minus before), `repeats`, `spread`, `rows`, `leaks_dropped`, "
        "`report` of the method, `advice` and more."
    )
    failure: dict[str, Any] | None = Field(
        description="Why a failed transfer failed: code, message, advice, fields."
    )


class AttemptAnswer(BaseModel):
    """One attempt of a transfer; `outcome` is null while it runs."""

    model_config = ConfigDict(from_attributes=True)

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    failure: dict[str, Any] | None


class PriorityFields(BaseModel):
    """What can be changed of a transfer that has not ended."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=-100, le=100)


class EventAnswer(BaseModel):
    """One line of a transfer's history; `progress` lines are not kept and have no sequence."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int | None
    kind: str
    at: datetime
    data: dict[str, Any]


def transfer_request(fields: RequestFields) -> TransferRequest:
    """The part of a request that names no record."""
    values = {name: getattr(fields, name) for name in TransferRequest.__dataclass_fields__}
    sample = SampleSize(**fields.sample.model_dump()) if fields.sample else None
    return TransferRequest(**values | {"sample": sample})


def turn(fields: RequestFields) -> Turn:
    """When the transfer should start, relative to others."""
    return Turn(fields.priority, fields.tenant)
