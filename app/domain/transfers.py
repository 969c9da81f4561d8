"""The Transfer: a job that carries a model into a language."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.enums import Role
from app.domain.jobs import JobState, Progress

STARTER = "starter"  # the encoder that comes with the service
HUB = "hub:"  # and the name of a model on a hub


@dataclass(frozen=True)
class SampleSize:
    """How many target training rows a transfer may see: per class, or in all (stratified)."""

    per_class: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class TransferSpec:
    """What the user asked for, immutable once queued.

    `datasets` maps each role to a dataset id. `parameters` are validated by the method's own
    schema. `validation_fraction` and `test_fraction` say how much of `train` is split off where the
    user gave no such dataset; a validation fraction of 0 trains without early stopping, and None
    leaves the choice to the method and the number of rows. `sample` draws the training rows anew
    for each repeat; validation rows are part of the sample. `wanted_precision` is how often answers
    should be right that the new model gives without abstaining. `auxiliary_model` is the second
    model of methods that take one: a model's id, `starter` or `hub:NAME`. `label_mapping` renames
    labels of the datasets to labels of the model.
    """

    model_id: str
    language: str
    method: str
    datasets: dict[Role, str]
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    seed: int = 0
    repeats: int = 1
    sample: SampleSize | None = None
    validation_fraction: float | None = None
    test_fraction: float = 0.2
    wanted_precision: float = 0.95
    auxiliary_model: str | None = None
    label_mapping: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """What decides when a waiting transfer starts: see `Transfer`."""

    priority: int = 0
    tenant: str = ""


@dataclass(frozen=True)
class Transfer:
    """A transfer as stored.

    `attempt` is the fencing token: it grows with each claim, and a write by an older attempt is
    refused. Of waiting transfers, those of a higher `priority` start first; `tenant` names for
    whom it is done, '' for nobody in particular. It is not started before `not_before`.
    `memory_failures` counts the attempts that ended because memory ran out. `result` holds
    the summary, comparison, spread and split digest of a succeeded transfer; `failure` an error's
    `as_dict()` of a failed one.
    """

    id: str
    spec: TransferSpec
    state: JobState
    created_at: datetime
    attempt: int = 0
    priority: int = 0
    tenant: str = ""
    not_before: datetime | None = None
    memory_failures: int = 0
    cancel_requested: bool = False
    pause_requested: bool = False
    worker: str | None = None
    lease_expires_at: datetime | None = None
    process_group: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress | None = None
    model_id: str | None = None
    result: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None


@dataclass(frozen=True)
class TransferStanding:
    """The status of a transfer that its followers get; `last_event` is a sequence."""

    id: str
    state: JobState
    last_event: int
    progress: Progress | None = None


def auxiliary_model_id(auxiliary_model: str | None) -> str | None:
    """The id of the registered model that a specification's auxiliary model is, if it is one."""
    if auxiliary_model is None or auxiliary_model == STARTER or auxiliary_model.startswith(HUB):
        return None
    return auxiliary_model
