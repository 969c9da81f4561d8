"""The work of a transfer: split, train, compare; nothing is recorded yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.domain.enums import EvaluationKind
from app.domain.transfers import Transfer, TransferSpec
from app.learn.first_checkpoints import FirstCheckpoints
from app.learn.monitor import Monitor
from app.learn.objectives.contract import Objective
from app.learn.paired import paired_difference
from app.learn.portion import Portion
from app.learn.splits import clusters
from app.services.context import Context
from app.services.running.advice.advise import advice_seconds, advise
from app.services.running.advice.case import Case
from app.services.running.artifact import write_model
from app.services.running.kept_state import open_checkpoints
from app.services.running.material import Material, load_network, open_material
from app.services.running.outcome import Outcome
from app.services.running.partition import HeldOut, hold_out
from app.services.running.phases import Cost, Phases
from app.services.running.repeats import Repeat, run_repeats
from app.services.running.scoring import (
    Compared,
    answers_after,
    answers_before,
    baseline_answers,
    labelled_rows,
    probe_answered,
)
from app.services.running.split_record import row_table, split_record
from app.services.running.together import shared_training
from app.services.running.verdict import (
    compare,
    forgetting_sentence,
    judge,
    score_account,
    spread,
    with_next,
    with_score,
)

# Of the seconds that advice may take, the part that it needs as a rule.
_SHARE_OF_ADVICE = 0.3


def work(
    context: Context,
    transfer: Transfer,
    monitor: Monitor,
    workspace: Path,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[Material, HeldOut, Outcome]:
    """Do everything but record it; files go into `workspace`. Lets `Cancelled` pass.

    Training saves its state at once where `stopping` says so. Raises a `BabelportError`.
    """
    spec, began = transfer.spec, time.monotonic()
    phases = Phases(monitor, _costs(context))
    material, held = _read(transfer, context, phases.begin("reading", even=False))
    before = _untouched(context, spec, material, held, phases)
    with shared_training(spec, phases.begin("training")) as part:
        kept = FirstCheckpoints(open_checkpoints(context, transfer.id, transfer.attempt, stopping))
        best, accounts = run_repeats(context, spec, material, held, part, kept)
    phases.begin("writing", even=False).progress("writing the model", 0.0)
    file, served, facts = write_model(best.output, material.facts, workspace)
    compared = answers_after(served, held, before, context.vectors, phases.begin("scoring"))
    comparing = phases.begin("baselines", even=False)
    comparing.progress("comparing with the baselines", 0.0)
    compared.on_test.update(
        baseline_answers(best.partition, held.test, material.objective, spec.seed)
    )
    probed = probe_answered(
        lambda: served if best.output.rebuilt else load_network(context, material, spec.seed),
        *(best.partition, held.test, context.vectors, best.seed, Portion(comparing, 0.3, 1.0)),
    )
    compared.on_test.update(probed)
    result = _result(transfer, material, held, compared, best, accounts)
    case = Case(
        context=context,
        spec=spec,
        material=material,
        held=held,
        best=best,
        compared=compared,
        served=served,
        folder=workspace / "model",
        monitor=phases.begin("advice", even=False),
        seconds=advice_seconds(context.settings.advice_seconds, time.monotonic() - began),
    )
    result["advice"] = advise(case)
    phases.begin("recording", even=False).progress("recording", 0.0)
    record = split_record(transfer, held, best.partition)
    return material, held, Outcome(file, facts, compared, record, result)


def _costs(context: Context) -> dict[str, Cost]:
    """What each phase is expected to take until more is known.

    Nothing tells how long the training will take before it shows its pace: far longer than all
    that came before, so that the bar does not run ahead.
    """
    most = context.settings.advice_seconds
    return {
        "reading": lambda passed: 1.0,
        "untouched": lambda passed: 3.0,
        "training": lambda passed: max(30.0, 20.0 * passed),
        "writing": lambda passed: 0.5,
        "scoring": lambda passed: 3.0,
        "baselines": lambda passed: 3.0 + 0.15 * passed,
        "advice": lambda passed: _SHARE_OF_ADVICE * advice_seconds(most, passed),
        "recording": lambda passed: 0.5,
    }


def _read(transfer: Transfer, context: Context, monitor: Monitor) -> tuple[Material, HeldOut]:
    monitor.progress("reading the data", 0.0)
    material = open_material(context, transfer)
    return material, hold_out(transfer.spec, material.examples, material.inputs, material.pairs)


def _untouched(
    context: Context, spec: TransferSpec, material: Material, held: HeldOut, phases: Phases
) -> Compared:
    monitor, began = phases.begin("untouched", even=False), phases.seconds
    monitor.progress("reading the model", 0.0)
    network = load_network(context, material, spec.seed)
    loaded = phases.seconds
    answered = answers_before(network, material, held, context.vectors, Portion(monitor, 0.3, 1.0))
    if answered.all():
        took, loading = phases.seconds - loaded, loaded - began
        phases.expect("writing", lambda passed: loading)
        phases.expect("scoring", lambda passed: took)
    return answered


def _result(
    transfer: Transfer,
    material: Material,
    held: HeldOut,
    compared: Compared,
    best: Repeat,
    accounts: list[dict[str, Any]],
) -> dict[str, Any]:
    test, objective, seed = held.test, material.objective, transfer.spec.seed
    comparisons = compare(compared.on_test, test, objective, seed)
    score = score_account(compared.all(), test, held.source_test, objective)
    contradiction = _contradiction(compared, held)
    return {
        "verdict": _verdict(transfer, material, best, comparisons, score, contradiction),
        "score": score,
        "comparisons": comparisons,
        "forgetting": _forgetting(compared, held, objective, seed, material.model.languages[0]),
        "repeats": accounts,
        "chosen_repeat": best.number,
        "spread": spread(accounts, objective.metric),
        "rows": _counts(best, held),
        "row_table": row_table(material.datasets, held, best.partition),
        "validation": best.partition.choice.as_dict(),
        "leaks_dropped": {role: report["dropped"] for role, report in held.leaks.items()},
        "history": best.output.history,
        "stopped": best.output.stopped,
        "report": best.output.report,
        "notes": [
            *_notes(transfer, material, held, best),
            *_swapped(compared, held, material),
            *_missing(compared, held, material, best),
            *([contradiction] if contradiction else []),
        ],
    }


def _verdict(
    transfer: Transfer,
    material: Material,
    best: Repeat,
    comparisons: list[dict[str, Any]],
    score: dict[str, Any] | None,
    contradiction: str | None,
) -> dict[str, Any]:
    spec, language = transfer.spec, material.model.languages[0]
    fitted = labelled_rows(best.partition) is not None
    verdict = judge(comparisons, score is not None, fitted, spec.method)
    if score is not None:
        ahead = all(one["difference"] > 0 for one in comparisons)
        verdict = with_score(verdict, score, language, spec.datasets, spec.method, ahead)
    return verdict if contradiction is None else with_next(verdict, contradiction)


def _forgetting(
    compared: Compared, held: HeldOut, objective: Objective, seed: int, language: str
) -> dict[str, Any] | None:
    """The source language after the transfer minus before, so that a loss is below 0.

    None where it was not measured.
    """
    before = compared.on_source_test.get(EvaluationKind.SOURCE_BEFORE)
    after = compared.on_source_test.get(EvaluationKind.SOURCE_AFTER)
    if before is None or after is None or held.source_test is None:
        return None
    rows = held.source_test
    found = paired_difference(after, before, rows.targets, seed, objective, clusters(rows))
    then, later = (objective.headline(one, rows.targets).value for one in (before, after))
    return found | {
        "before": then,
        "after": later,
        "sentence": forgetting_sentence(found, then, later, language),
    }


def _counts(best: Repeat, held: HeldOut) -> dict[str, int]:
    parts = {
        "train": best.partition.train,
        "validation": best.partition.validation,
        "test": held.test,
        "source": best.partition.source,
        "source_test": held.source_test,
    }
    return {name: len(rows) for name, rows in parts.items() if rows is not None}


def _swapped(compared: Compared, held: HeldOut, material: Material) -> list[str]:
    """A hint at `label_mapping`, where the untouched model is worse than chance."""
    answered = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    if answered is None or held.test is None or held.test.targets.ndim != 1:
        return []
    from app.learn.advice.swapped_labels import swapped_labels

    found = swapped_labels(answered, held.test.targets, material.labels)
    return [] if found is None else [found]


def _missing(compared: Compared, held: HeldOut, material: Material, best: Repeat) -> list[str]:
    """Labels that no labelled target row has, where each row has one label."""
    from app.learn.advice.training_labels import missing_labels

    rows = labelled_rows(best.partition)
    if rows is None or rows.targets.ndim != 1:
        return []
    before = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    after = compared.on_test.get(EvaluationKind.TRANSFERRED)
    targets = None if held.test is None else held.test.targets
    found = missing_labels(rows.targets, material.labels, targets, before, after)
    return [] if found is None else [found]


def _contradiction(compared: Compared, held: HeldOut) -> str | None:
    """A warning where the training labels have nothing to do with what the source model answers."""
    from app.learn.advice.training_labels import contradicting_labels

    answered = compared.on_test.get(EvaluationKind.SOURCE_MODEL)
    if answered is None or held.test is None or compared.on_training is None:
        return None
    rows, answers = compared.on_training
    return contradicting_labels(rows.targets, answers, held.test.targets, answered)


def _notes(transfer: Transfer, material: Material, held: HeldOut, best: Repeat) -> list[str]:
    notes = [*best.output.notes]
    if transfer.batch_halvings:
        parts = 2**transfer.batch_halvings
        notes.append(
            f"Memory ran out in an earlier attempt: each batch was gone through in {parts} parts."
        )
    if held.test is None:
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
    if not material.has_head:
        notes.append(
            "The source model is an encoder without a head, so there is no source-model "
            "evaluation: untouched, it cannot answer."
        )
    return notes
