"""The finished work of a transfer, and its record: all of it in one transaction, or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.domain.enums import EvaluationKind, ModelStatus, Role
from app.domain.evaluations import Evaluation
from app.domain.identity import new_id, now
from app.domain.models import Model, ModelFacts
from app.domain.transfers import Transfer
from app.formats.predictions_table import write_predictions
from app.learn.splits import clusters
from app.services.artifact_lifetime import publish
from app.services.context import Context
from app.services.running.material import Material
from app.services.running.partition import HeldOut
from app.services.running.scoring import Compared, scored_rows
from app.store import evaluations, leases, models
from app.store.patience import patiently


@dataclass(frozen=True)
class Outcome:
    """What a transfer made: the model's file and facts, every answer, the split and the result."""

    file: Path
    facts: ModelFacts
    compared: Compared
    split: dict[str, Any]
    result: dict[str, Any]


def record_outcome(
    context: Context, transfer: Transfer, material: Material, held: HeldOut, outcome: Outcome
) -> None:
    """Publish the artifacts, insert the model and its evaluations, end the transfer; commits.

    This is the edge of the transfer's process. Raises `LeaseLost` when another attempt holds the
    transfer, and then nothing is left behind.
    """
    model = _model(transfer, material, outcome)
    made = _evaluations(transfer, material, held, outcome.compared, model.id)
    split = outcome.file.with_name("split.json")
    split.write_text(json.dumps(outcome.split), encoding="utf-8")
    tables = [_write_table(outcome, material, held, evaluation.kind) for evaluation in made]

    def record(session: Session) -> None:
        digests = publish(context, session, [outcome.file, split, *tables])
        # First, since it is what a lost lease forbids, and it keeps all other attempts out.
        result = outcome.result | {"split_sha256": digests[1]}
        leases.succeed(session, transfer.id, transfer.attempt, model.id, result)
        version = models.next_version(session, model.name)
        models.insert(session, replace(model, sha256=digests[0], version=version))
        for evaluation, digest in zip(made, digests[2:], strict=True):
            evaluations.insert(session, replace(evaluation, predictions_sha256=digest))

    patiently(context.sessions, record, context.settings.database_patience_seconds)


def _model(transfer: Transfer, material: Material, outcome: Outcome) -> Model:
    """The new model; its version and digest come with the transaction."""
    spec, parent = transfer.spec, material.model
    return Model(
        id=new_id("mdl"),
        name=spec.name or f"{parent.name}-{spec.language}",
        version=0,
        status=ModelStatus.READY,
        languages=tuple(dict.fromkeys((*parent.languages, spec.language))),
        created_at=now(),
        size_bytes=outcome.file.stat().st_size,
        facts=outcome.facts,
        parent_id=parent.id,
        transfer_id=transfer.id,
    )


def _evaluations(
    transfer: Transfer, material: Material, held: HeldOut, compared: Compared, model_id: str
) -> list[Evaluation]:
    made = []
    for kind, probabilities in compared.all().items():
        role, rows = scored_rows(kind, held)
        dataset = material.datasets.get(role) or material.datasets[Role.TRAIN]
        made.append(
            Evaluation(
                id=new_id("evl"),
                transfer_id=transfer.id,
                kind=kind,
                dataset_id=dataset.id,
                rows=len(rows),
                labels=material.labels,
                metrics=material.objective.score(probabilities, rows.targets, clusters(rows)),
                created_at=now(),
                model_id=_model_scored(kind, material.model.id, model_id),
            )
        )
    return made


def _model_scored(kind: EvaluationKind, source: str, transferred: str) -> str | None:
    if kind in (EvaluationKind.TRANSFERRED, EvaluationKind.SOURCE_AFTER):
        return transferred
    untouched = (EvaluationKind.SOURCE_MODEL, EvaluationKind.SOURCE_BEFORE)
    return source if kind in untouched else None


def _write_table(outcome: Outcome, material: Material, held: HeldOut, kind: EvaluationKind) -> Path:
    file = outcome.file.with_name(f"{kind}.parquet")
    _, rows = scored_rows(kind, held)
    write_predictions(file, rows, outcome.compared.all()[kind], material.objective)
    return file
