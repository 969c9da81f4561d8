"""Advice on rows that give test rows away and are not the same row: near copies, translations."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.enums import EvaluationKind
from app.learn.advice.binomial import share
from app.learn.advice.near_texts import near_texts
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.examples import Examples, texts_of
from app.services.running.advice.case import Case
from app.services.running.advice.translated import translated
from app.services.running.advice.twins import Twins

_MOST_TEXTS = 20_000
_MOST_TEST_TEXTS = 5_000


def leaks(case: Case) -> dict[str, Any]:
    """Near copies of test rows among the training rows, translations of them among source rows.

    Rows that share a group id or their whole content with test rows were dropped before. These
    here are only reported, with the accuracy on the test rows that are left without them.
    """
    test = case.held.test
    if test is None or not case.text:
        return inapplicable("Near copies and translations of test rows are looked for in texts.")
    dropped = sum(report["dropped"] for report in case.held.leaks.values())
    copies, translations = _near_copies(case, test), translated(case, test)
    sentences = [_dropped_said(dropped), copies["sentence"], translations["sentence"]]
    touched = copies.pop("touched", set()) | translations.pop("touched", set())
    facts: dict[str, Any] = {"near_copies": copies, "translations": translations}
    if touched and case.single_label:
        facts["without_them"] = left = _scored_without(case, test, touched)
        sentences.append(_left_said(len(touched), left))
    return told(" ".join(sentences), dropped=dropped, **facts)


def _near_copies(case: Case, test: Examples) -> dict[str, Any]:
    train = case.best.partition.train
    if train is None:
        return untold("There are no training rows that could be near copies of test rows.")
    some, tests = _some(train, _MOST_TEXTS, case), _some(test, _MOST_TEST_TEXTS, case)
    twins = Twins(some, tests, near_texts(texts_of(some.inputs), texts_of(tests.inputs)))
    said = f"{twins.found} test row(s) are nearly the same text as a training row."
    return told(said, **twins.report(), touched=twins.test_rows())


def _some(rows: Examples, most: int, case: Case) -> Examples:
    chosen = np.random.default_rng(case.spec.seed).permutation(len(rows))[:most]
    return rows.take(np.sort(chosen))


def _dropped_said(dropped: int) -> str:
    if not dropped:
        return "No row shared its group or its whole content with a test row."
    return f"{dropped} row(s) that shared a group or their content with test rows were dropped."


def _scored_without(case: Case, test: Examples, touched: set[int]) -> dict[str, float] | None:
    """The accuracy on the other test rows, with its 95% interval; None where none are left."""
    answered = case.compared.on_test.get(EvaluationKind.TRANSFERRED)
    kept = np.array([int(row) not in touched for row in test.rows])
    if answered is None or not kept.any():
        return None
    right = answered.argmax(axis=1) == test.targets
    return share(int(right[kept].sum()), int(kept.sum())) | {"rows": int(kept.sum())}


def _left_said(touched: int, left: dict[str, float] | None) -> str:
    if left is None:
        return "Every test row is among them."
    low, high = left["low"], left["high"]
    return (
        f"On the {left['rows']} test rows other than these {touched} the accuracy is "
        f"{left['value']:.1%} (95% interval {low:.1%} to {high:.1%})."
    )
