"""Advice on how many further labels would be worth the work."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.advice.learning_curve import advise_on_labels
from app.learn.advice.out_of_fold import curve_sizes, out_of_fold, training_rows
from app.learn.advice.statements import inapplicable, untold
from app.learn.splits import clusters
from app.services.running.advice.case import Case, deadline

_FEWEST = 50
_TRAINED_FOR_EACH = 8  # four times the least that `curve_sizes` begins with
_DRAWS = 4
_SHARE = 0.25  # of the time for vectors


def labels(case: Case) -> dict[str, Any]:
    """The learning curve of a head on the body's vectors, out of fold; test rows stay apart."""
    if not case.single_label:
        return inapplicable("A learning curve is drawn for models that give each row one label.")
    rows = case.labelled()
    if rows is None or len(rows) < _FEWEST:
        return untold(
            "How much further labels would help cannot be told: that takes at least "
            f"{_FEWEST} labelled rows of the target language, and there are {len(rows or ())}."
        )
    seen = case.eyes().of("labelled", rows.inputs)
    some = rows.take(seen.positions)
    present, targets, counts = np.unique(some.targets, return_inverse=True, return_counts=True)
    parts = clusters(some)
    if len(present) < 2:
        return untold(
            "How much further labels would help cannot be told: all labelled rows have one label."
        )
    if len(np.unique(parts)) < 2:
        return untold(
            "How much further labels would help cannot be told: all labelled rows are of one group."
        )
    most = training_rows(targets, parts, _DRAWS, case.spec.seed)
    sizes = curve_sizes(most, len(present))
    if sizes[-1] < 4 * sizes[0]:
        rarest = case.served.labels[present[counts.argmin()]]
        return untold(
            "How much further labels would help cannot be told: a curve takes "
            f"{_TRAINED_FOR_EACH} rows to train on for each label, here "
            f"{_TRAINED_FOR_EACH * len(present)} for {len(present)} labels. Of the {len(some)} "
            f"labelled rows {most} are trained on, the others are answered; `{rarest}` has "
            f"{counts.min()} in all."
        )
    until = deadline(_SHARE * case.seconds)
    correct = out_of_fold(
        seen.vectors, targets, parts, sizes, _DRAWS, case.spec.seed, until, case.monitor
    )
    advice = advise_on_labels(correct, sizes, case.spec.seed, parts)
    return advice | {"draws": len(correct), "encoder": _encoder(case)}


def _encoder(case: Case) -> str:
    """Whose vectors: `before` knows nothing of these labels, a replaced body may."""
    return "after" if case.best.output.rebuilt else "before"
