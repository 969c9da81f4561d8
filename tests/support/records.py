"""Builders of records, valid as they stand; name only what a test is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from app.domain.aliases import Alias
from app.domain.datasets import Dataset, DatasetFacts
from app.domain.enums import (
    DatasetKind,
    DatasetStatus,
    EvaluationKind,
    Format,
    ModelStatus,
    Role,
    Task,
)
from app.domain.evaluations import Evaluation
from app.domain.identity import new_id, now
from app.domain.jobs import JobState
from app.domain.models import Model, ModelFacts, TextInput
from app.domain.predictions import BatchPrediction
from app.domain.transfers import Transfer, TransferSpec
from app.store import aliases, batch_predictions, datasets, job_queue, models, transfers
from app.store.schema import alias_answers, compilations, shadow_comparisons, shadow_disagreements


def a_model(**changes: Any) -> Model:
    """A ready English text classifier with two labels."""
    facts = ModelFacts(
        format=Format.HUGGINGFACE,
        task=Task.TEXT_CLASSIFICATION,
        labels=("no", "yes"),
        input=TextInput(max_tokens=64),
        architecture="BertForSequenceClassification",
        parameters=1234,
    )
    model = Model(
        id=new_id("mdl"),
        name="tickets",
        version=1,
        status=ModelStatus.READY,
        languages=("en",),
        created_at=now(),
        size_bytes=10,
        sha256="a" * 64,
        facts=facts,
    )
    return replace(model, **changes)


def an_alias(model: Model, **changes: Any) -> Alias:
    """`champion` of the model's name, pointing to it."""
    alias = Alias(model.name, "champion", model.id, now(), 0)
    return replace(alias, **changes)


def a_dataset(**changes: Any) -> Dataset:
    """A ready German dataset of four labelled rows."""
    facts = DatasetFacts(DatasetKind.LABELLED, rows=4, labels=("no", "yes"), grouped=False)
    dataset = Dataset(
        id=new_id("dst"),
        name="german tickets",
        language="de",
        status=DatasetStatus.READY,
        created_at=now(),
        size_bytes=10,
        upload_sha256="b" * 64,
        sha256="c" * 64,
        facts=facts,
    )
    return replace(dataset, **changes)


def a_transfer(model: Model, dataset: Dataset, **changes: Any) -> Transfer:
    """A queued transfer of `model` with `dataset` as its training rows."""
    spec = TransferSpec(
        model_id=model.id,
        language=dataset.language,
        method="fine-tune",
        datasets={Role.TRAIN: dataset.id},
    )
    transfer = Transfer(id=new_id("trf"), spec=spec, state=JobState.QUEUED, created_at=now())
    return replace(transfer, **changes)


def an_evaluation(transfer: Transfer, **changes: Any) -> Evaluation:
    """The transferred model's evaluation on the transfer's own training dataset."""
    evaluation = Evaluation(
        id=new_id("evl"),
        transfer_id=transfer.id,
        kind=EvaluationKind.TRANSFERRED,
        dataset_id=transfer.spec.datasets[Role.TRAIN],
        rows=4,
        labels=("no", "yes"),
        metrics={"accuracy": {"value": 0.5, "low": 0.0, "high": 1.0}},
        created_at=now(),
    )
    return replace(evaluation, **changes)


def queue_a_transfer(session: Session, **changes: Any) -> Transfer:
    """Insert a model, a dataset and a queued transfer of them; the caller commits."""
    model, dataset = a_model(), a_dataset()
    model = replace(model, version=models.next_version(session, model.name))
    models.insert(session, model)
    datasets.insert(session, dataset)
    transfer = a_transfer(model, dataset, **changes)
    transfers.insert(session, transfer)
    return transfer


def claim_a_transfer(
    session: Session, worker: str = "host/1/a", lease_seconds: float = 600.0, max_attempts: int = 3
) -> Transfer:
    """The next transfer, which there must be, as it is after its claim."""
    job = job_queue.claim(session, transfers.KIND, worker, lease_seconds, max_attempts)
    assert job is not None
    claimed = transfers.get(session, job.id)
    assert claimed is not None
    return claimed


def queue_a_compilation(session: Session) -> str:
    """Insert a model and its queued compilation; the model's id. The caller commits."""
    model = a_model()
    model = replace(model, version=models.next_version(session, model.name))
    models.insert(session, model)
    job_queue.enqueue(session, models.COMPILATION, model.id, now())
    session.execute(compilations.insert().values(model_id=model.id))
    return model.id


def queue_a_batch_prediction(session: Session, **changes: Any) -> BatchPrediction:
    """Insert a model, a dataset and a queued batch prediction; the caller commits."""
    model, dataset = a_model(), a_dataset()
    model = replace(model, version=models.next_version(session, model.name))
    models.insert(session, model)
    datasets.insert(session, dataset)
    batch = BatchPrediction(new_id("bpr"), model.id, dataset.id, rows=4, created_at=now())
    batch = replace(batch, **changes)
    batch_predictions.insert(session, batch)
    return batch


def point_an_alias(session: Session) -> Alias:
    """Insert a model, its alias, and a row of everything that is counted under an alias."""
    model = a_model()
    model = replace(model, version=models.next_version(session, model.name))
    models.insert(session, model)
    alias = aliases.point(session, an_alias(model))
    values = {"name": alias.name, "alias": alias.alias, "model_id": model.id}
    values |= {"shadow_model_id": "mdl_shadow", "id": "row_1", "at": now(), "since": now()}
    for table in (alias_answers, shadow_comparisons, shadow_disagreements):
        known = {name: values.get(name, 0) for name in table.columns.keys()}  # noqa: SIM118
        session.execute(table.insert().values(known))
    return alias
