"""Advice on when the transferred model should not answer."""

from __future__ import annotations

import math
from typing import Any

from app.domain.enums import EvaluationKind
from app.learn.advice.abstention import abstention_threshold, check_threshold, rows_needed
from app.learn.advice.statements import inapplicable, untold
from app.learn.splits import clusters
from app.services.running.advice.case import Case
from app.services.running.repeats import unseen_answers

# More than half of the rows should train.
_ROWS_FOR_EACH = 2


def abstaining(case: Case) -> dict[str, Any]:
    """The threshold for the wanted precision, from rows not trained on, and how the test went."""
    if not case.single_label or not case.served.labels:
        return inapplicable("A threshold is for models that give each row one label.")
    best, test = case.best, case.held.test
    judged = unseen_answers(
        case.context, case.served, best.output, best.partition.validation, case.monitor
    )
    if judged is None:
        return untold(_without_rows(case))
    wanted, rows = case.spec.wanted_precision, judged.rows
    advice = abstention_threshold(
        judged.answers,
        rows.targets,
        wanted,
        clusters(rows),
        out_of_fold=best.output.out_of_fold is not None,
    )
    answered = case.compared.on_test.get(EvaluationKind.TRANSFERRED)
    if advice["status"] != "told" or test is None or answered is None:
        return advice
    checked = check_threshold(answered, test.targets, advice["threshold"], clusters(test))
    return advice | {"test": checked, "sentence": f"{advice['sentence']} {_said(checked)}"}


def _without_rows(case: Case) -> str:
    """What a threshold takes, and how to get there where every labelled row was trained on."""
    wanted, labelled = case.spec.wanted_precision, case.labelled()
    needed, rows = rows_needed(wanted), 0 if labelled is None else len(labelled)
    there = f"you have {rows}, all of them trained on" if rows else "there are none"
    said = (
        f"A precision of {wanted:.0%} cannot be promised: that takes at least {needed} labelled "
        f"rows kept out of training, and {there}. Send so many as a `validation` dataset"
    )
    if rows < _ROWS_FOR_EACH * needed:
        return f"{said}."
    return f"{said}, or ask for a `validation_fraction` of {math.ceil(100 * needed / rows) / 100}."


def _said(checked: dict[str, Any]) -> str:
    if checked["precision"] is None:
        return "None of the test rows is answered so."
    right, share = checked["precision"], checked["coverage"]["value"]
    interval = ""
    if right["low"] is not None:
        interval = f" (95% interval {right['low']:.1%} to {right['high']:.1%})"
    return (
        f"On the test rows {right['value']:.1%} of those answers are right{interval}, and "
        f"{share:.0%} of the rows get one."
    )
