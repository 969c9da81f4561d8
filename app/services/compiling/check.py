"""Comparing a candidate's answers with the network's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.domain.compilations import Check
from app.learn.examples import NO_WORD
from app.learn.objectives.contract import Objective
from app.learn.objectives.multi_label import MultiLabel
from app.runtimes.contract import Runtime
from app.services.compiling.check_rows import CheckRows

LARGEST_DIFFERENCE = 1e-3
BATCH = 16


def answers_of(runtime: Runtime, rows: CheckRows) -> list[np.ndarray]:
    """What a runtime answers to each row, in batches of like length as they are served."""
    prepared = runtime.prepare(list(rows.inputs))
    order = sorted(range(len(prepared)), key=lambda place: prepared[place].cost)
    found: list[np.ndarray] = [np.empty(0)] * len(order)
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        answers = runtime.run([prepared[place] for place in places], threads=1)
        for place, answer in zip(places, answers, strict=True):
            found[place] = answer
    return found


def compare(
    objective: Objective,
    rows: CheckRows,
    reference: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    tolerance: float | None,
) -> Check:
    """The check of a candidate; `tolerance` is the loss that one of reduced precision may have.

    None asks for equal answers: the same ones on every row, and no probability further away than
    1e-3. Reduced precision cannot pass on rows without labels.
    """
    pairs = list(zip(reference, found, strict=True))
    # Of NumPy: Python's own passes NaN over when it stands behind a number.
    largest = float(np.max([np.abs(own - other).max(initial=0) for own, other in pairs]))
    same = float(np.mean([_same(objective, own, other) for own, other in pairs]))
    before, after = _headline(objective, rows, reference), _headline(objective, rows, found)
    if tolerance is None:
        passed = same == 1.0 and largest < LARGEST_DIFFERENCE
    else:
        # Rounded: 0.7575 - 0.7525 is a little more than 0.005 in floating point.
        loss = None if before is None or after is None else round(before - after, 9)
        passed = loss is not None and loss <= tolerance
    return Check(
        rows=len(pairs),
        real=rows.real,
        same_answers=same,
        largest_difference=largest if np.isfinite(largest) else 1.0,
        passed=passed and bool(np.isfinite(largest)),
        metric=objective.metric if rows.real else None,
        reference=before,
        value=after,
    )


def _same(objective: Objective, own: np.ndarray, other: np.ndarray) -> bool:
    if isinstance(objective, MultiLabel):
        return bool((objective.predicted(own[None]) == objective.predicted(other[None])).all())
    return bool((own.argmax(axis=-1) == other.argmax(axis=-1)).all())


def _headline(objective: Objective, rows: CheckRows, answers: Sequence[np.ndarray]) -> float | None:
    if rows.targets is None:
        return None
    if not objective.per_word:
        return objective.headline(np.stack(answers), rows.targets).value
    longest = max(len(one) for one in answers)
    padded = np.zeros((len(answers), longest, len(objective.labels)), dtype=np.float32)
    for row, one in enumerate(answers):
        padded[row, : len(one)] = one
    # Words behind the end of a sentence have no target, whatever their answer is.
    assert (rows.targets[:, longest:] == NO_WORD).all()
    return objective.headline(padded, rows.targets).value
