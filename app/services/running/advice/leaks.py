"""Advice on rows that give test rows away and are not the same row: near copies, translations."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.enums import EvaluationKind
from app.learn.advice.near_texts import near_texts
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.examples import Examples, texts_of
from app.learn.intervals import Clusters, share_interval
from app.learn.splits import clusters
from app.services.running.advice.case import Case
from app.services.running.advice.translated import translated
from app.services.running.advice.twins import Twins

_MOST_TEXTS = 20_000
_MOST_TEST_TEXTS = 5_000
MOST_MISSED = 0.05  # of the other test rows
_UNCLEAN = "What that adds to the score cannot be told: give group ids of translations."


def leaks(case: Case) -> dict[str, Any]:
    """Near copies of test rows among the training rows, translations of them among source rows.

    Rows that share a group id or their whole content with test rows were dropped before. These
    here are only reported, with the accuracy on the test rows that were looked at and are not
    among them; not where so many were found that many of the others will have been missed.
    """
    test = case.held.test
    if not case.text:
        return inapplicable("Near copies and translations are looked for among texts, not images.")
    if test is None:
        return inapplicable(
            "There are no test rows that other rows could give away. Send a `test` dataset."
        )
    dropped = sum(report["dropped"] for report in case.held.leaks.values())
    copies, translations = _near_copies(case, test), translated(case, test)
    sentences = [_dropped_said(dropped), copies["sentence"], translations["sentence"]]
    touched = copies.pop("touched", set()) | translations.pop("touched", set())
    looked = [part.pop("seen") for part in (copies, translations) if "seen" in part]
    facts: dict[str, Any] = {"near_copies": copies, "translations": translations}
    if touched and case.single_label:
        others = set.intersection(*looked) - touched
        missed = translations.get("missed", 0)
        clean = missed <= MOST_MISSED * len(others)
        facts["without_them"] = left = _scored_on(case, test, others) if clean else None
        sentences.append(_left_said(len(touched), left) if clean else _UNCLEAN)
    return told(" ".join(sentences), dropped=dropped, **facts)


def _near_copies(case: Case, test: Examples) -> dict[str, Any]:
    train = case.best.partition.train
    if train is None:
        return untold("There are no training rows that could be near copies of test rows.")
    some, tests = _some(train, _MOST_TEXTS, case), _some(test, _MOST_TEST_TEXTS, case)
    twins = Twins(some, tests, near_texts(texts_of(some.inputs), texts_of(tests.inputs)))
    said = f"{twins.found} test row(s) are nearly the same text as a training row."
    return told(said, **twins.report(), touched=twins.test_rows(), seen=twins.seen_rows())


def _some(rows: Examples, most: int, case: Case) -> Examples:
    chosen = np.random.default_rng(case.spec.seed).permutation(len(rows))[:most]
    return rows.take(np.sort(chosen))


def _dropped_said(dropped: int) -> str:
    if not dropped:
        return "No row shared its group or its whole content with a test row."
    return f"{dropped} row(s) that shared a group or their content with test rows were dropped."


def _scored_on(case: Case, test: Examples, rows: set[int]) -> dict[str, Any] | None:
    """The accuracy on the test rows of these numbers, with its 95% interval; None without any."""
    answered = case.compared.on_test.get(EvaluationKind.TRANSFERRED)
    kept = np.flatnonzero([int(row) in rows for row in test.rows])
    if answered is None or not len(kept):
        return None
    right = answered[kept].argmax(axis=1) == test.targets[kept]
    parts = Clusters.of(clusters(test)[kept], len(kept))
    return share_interval(parts.sums(right), parts.sums(np.ones(len(kept)))) | {"rows": len(kept)}


def _left_said(touched: int, left: dict[str, Any] | None) -> str:
    if left is None:
        return "No test row is left without them."
    interval = ""
    if left["low"] is not None:
        interval = f" (95% interval {left['low']:.1%} to {left['high']:.1%})"
    return (
        f"On the {left['rows']} test rows other than these {touched} the accuracy is "
        f"{left['value']:.1%}{interval}."
    )
