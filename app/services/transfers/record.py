"""The result of a finished transfer, and its record: all in one transaction, or nothing."""

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
from app.formats.prediction_tables import write_predictions
from app.learn.comparison import paired_difference
from app.learn.data.splits import clusters
from app.learn.tasks.contract import Objective
from app.services.artifacts import publish
from app.services.context import Context
from app.services.transfers.inputs import TransferInputs
from app.services.transfers.partition import HeldOut, row_table
from app.services.transfers.score import (
    ComparedAnswers,
    labelled_rows,
    scored_rows,
)
from app.services.transfers.train import Repeat
from app.services.transfers.verdict import (
    compare_with_baselines,
    forgetting_sentence,
    judge,
    score_spread,
    score_summary,
    with_next,
    with_score,
)
from app.store import evaluations, models, transfers
from app.store.database import retry_on_disconnect


@dataclass(frozen=True)
class TransferOutcome:
    """What a transfer made: the model's file and facts, every answer, the split and the result."""

    file: Path
    facts: ModelFacts
    compared: ComparedAnswers
    split: dict[str, Any]
    result: dict[str, Any]


def record_outcome(
    context: Context,
    transfer: Transfer,
    inputs: TransferInputs,
    held_out: HeldOut,
    outcome: TransferOutcome,
) -> None:
    """Publish the artifacts, insert the model and its evaluations, end the transfer; commits.

    This is the edge of the transfer's process. Raises `LeaseLost` when another attempt holds the
    transfer, and then nothing is left behind.
    """
    model = _new_model(transfer, inputs, outcome)
    made = _new_evaluations(transfer, inputs, held_out, outcome.compared, model.id)
    split = outcome.file.with_name("split.json")
    split.write_text(json.dumps(outcome.split), encoding="utf-8")
    tables = [_write_table(outcome, inputs, held_out, evaluation.kind) for evaluation in made]

    def record(session: Session) -> None:
        digests = publish(context, session, [outcome.file, split, *tables])
        # First, since it is what a lost lease forbids, and it keeps all other attempts out.
        result = outcome.result | {"split_sha256": digests[1]}
        transfers.succeed(session, transfer.id, transfer.attempt, model.id, result)
        version = models.next_version(session, model.name)
        models.insert(session, replace(model, sha256=digests[0], version=version))
        for evaluation, digest in zip(made, digests[2:], strict=True):
            evaluations.insert(session, replace(evaluation, predictions_sha256=digest))

    retry_on_disconnect(context.sessions, record, context.settings.database_patience_seconds)


def _new_model(transfer: Transfer, inputs: TransferInputs, outcome: TransferOutcome) -> Model:
    """The new model; its version and digest come with the transaction."""
    spec, parent = transfer.spec, inputs.model
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


def _new_evaluations(
    transfer: Transfer,
    inputs: TransferInputs,
    held_out: HeldOut,
    compared: ComparedAnswers,
    model_id: str,
) -> list[Evaluation]:
    made = []
    for kind, probabilities in compared.all().items():
        role, rows = scored_rows(kind, held_out)
        dataset = inputs.datasets.get(role) or inputs.datasets[Role.TRAIN]
        made.append(
            Evaluation(
                id=new_id("evl"),
                transfer_id=transfer.id,
                kind=kind,
                dataset_id=dataset.id,
                rows=len(rows),
                labels=inputs.labels,
                metrics=inputs.objective.score(probabilities, rows.targets, clusters(rows)),
                created_at=now(),
                model_id=_evaluated_model(kind, inputs.model.id, model_id),
            )
        )
    return made


def _evaluated_model(kind: EvaluationKind, source: str, transferred: str) -> str | None:
    if kind in (EvaluationKind.TRANSFERRED, EvaluationKind.SOURCE_AFTER):
        return transferred
    untouched = (EvaluationKind.SOURCE_MODEL, EvaluationKind.SOURCE_BEFORE)
    return source if kind in untouched else None


def _write_table(
    outcome: TransferOutcome, inputs: TransferInputs, held_out: HeldOut, kind: EvaluationKind
) -> Path:
    file = outcome.file.with_name(f"{kind}.parquet")
    _, rows = scored_rows(kind, held_out)
    write_predictions(file, rows, outcome.compared.all()[kind], inputs.objective)
    return file


def build_result(
    transfer: Transfer,
    inputs: TransferInputs,
    held_out: HeldOut,
    compared: ComparedAnswers,
    best: Repeat,
    accounts: list[dict[str, Any]],
) -> dict[str, Any]:
    """What a transfer's record keeps: scores, comparisons, splits, the verdict and the report."""
    test, objective, seed = held_out.test, inputs.objective, transfer.spec.seed
    comparisons = compare_with_baselines(compared.on_test, test, objective, seed)
    score = score_summary(compared.all(), test, held_out.source_test, objective)
    contradiction = _contradiction_warning(compared, held_out)
    return {
        "verdict": _build_verdict(transfer, inputs, best, comparisons, score, contradiction),
        "score": score,
        "comparisons": comparisons,
        "forgetting": _forgetting(compared, held_out, objective, seed, inputs.model.languages[0]),
        "repeats": accounts,
        "chosen_repeat": best.number,
        "spread": score_spread(accounts, objective.metric),
        "rows": _row_counts(best, held_out),
        "row_table": row_table(inputs.datasets, held_out, best.partition),
        "validation": best.partition.validation_choice.as_dict(),
        "leaks_dropped": {role: report["dropped"] for role, report in held_out.leaks.items()},
        "history": best.output.history,
        "stopped": best.output.stopped,
        "report": best.output.report,
        "notes": [
            *_notes(transfer, inputs, held_out, best),
            *_swapped_label_notes(compared, held_out, inputs),
            *_missing_label_notes(compared, held_out, inputs, best),
            *([contradiction] if contradiction else []),
        ],
    }


def _build_verdict(
    transfer: Transfer,
    inputs: TransferInputs,
    best: Repeat,
    comparisons: list[dict[str, Any]],
    score: dict[str, Any] | None,
    contradiction: str | None,
) -> dict[str, Any]:
    spec, language = transfer.spec, inputs.model.languages[0]
    fitted = labelled_rows(best.partition) is not None
    verdict = judge(comparisons, score is not None, fitted, spec.method)
    if score is not None:
        ahead = all(one["difference"] > 0 for one in comparisons)
        verdict = with_score(verdict, score, language, spec.datasets, spec.method, ahead)
    return verdict if contradiction is None else with_next(verdict, contradiction)


def _forgetting(
    compared: ComparedAnswers, held_out: HeldOut, objective: Objective, seed: int, language: str
) -> dict[str, Any] | None:
    """The source language after the transfer minus before, so that a loss is below 0.

    None where it was not measured.
    """
    before = compared.on_source_test.get(EvaluationKind.SOURCE_BEFORE)
    after = compared.on_source_test.get(EvaluationKind.SOURCE_AFTER)
    if before is None or after is None or held_out.source_test is None:
        return None
    rows = held_out.source_test
    found = paired_difference(after, before, rows.targets, seed, objective, clusters(rows))
    then, later = (objective.primary_metric(one, rows.targets).value for one in (before, after))
    return found | {
        "before": then,
        "after": later,
        "sentence": forgetting_sentence(found, then, later, language),
    }


def _row_counts(best: Repeat, held_out: HeldOut) -> dict[str, int]:
    parts = {
        "train": best.partition.train,
        "validation": best.partition.validation,
        "test": held_out.test,
        "source": best.partition.source,
        "source_test": held_out.source_test,
    }
    return {name: len(rows) for name, rows in parts.items() if rows is not None}


def _swapped_label_notes(
    compared: ComparedAnswers, held_out: HeldOut, inputs: TransferInputs
) -> list[str]:
    """A hint at `label_mapping`, where the untouched model is worse than chance."""
    answered = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    if answered is None or held_out.test is None or held_out.test.targets.ndim != 1:
        return []
    from app.learn.advice.labels import swapped_labels

    found = swapped_labels(answered, held_out.test.targets, inputs.labels)
    return [] if found is None else [found]


def _missing_label_notes(
    compared: ComparedAnswers, held_out: HeldOut, inputs: TransferInputs, best: Repeat
) -> list[str]:
    """Labels that no labelled target row has, where each row has one label."""
    from app.learn.advice.labels import missing_labels

    rows = labelled_rows(best.partition)
    if rows is None or rows.targets.ndim != 1:
        return []
    before = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    after = compared.on_test.get(EvaluationKind.TRANSFERRED)
    targets = None if held_out.test is None else held_out.test.targets
    found = missing_labels(rows.targets, inputs.labels, targets, before, after)
    return [] if found is None else [found]


def _contradiction_warning(compared: ComparedAnswers, held_out: HeldOut) -> str | None:
    """A warning where the training labels have nothing to do with what the source model answers."""
    from app.learn.advice.labels import contradicting_labels

    answered = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    if answered is None or held_out.test is None or compared.on_training is None:
        return None
    rows, answers = compared.on_training
    return contradicting_labels(rows.targets, answers, held_out.test.targets, answered)


def _notes(
    transfer: Transfer, inputs: TransferInputs, held_out: HeldOut, best: Repeat
) -> list[str]:
    notes = [*best.output.notes]
    if transfer.memory_failures:
        parts = 2**transfer.memory_failures
        notes.append(
            f"Memory ran out in an earlier attempt: each batch was gone through in {parts} parts."
        )
    if held_out.test is None:
        notes.append(
            "There were no labelled rows of the target language, so nobody knows how good the "
            "model is: give a test dataset to find out."
        )
    elif labelled_rows(best.partition) is None:
        notes.append(
            "There were no target labels to fit baselines on: only the untouched source model, "
            "the majority class and chance were compared, the latter two by how frequent the "
            "labels of the test rows are."
        )
    if not inputs.has_head:
        notes.append(
            "The source model is an encoder without a head, so there is no source-model "
            "evaluation: untouched, it cannot answer."
        )
    return notes
