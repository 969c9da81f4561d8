"""Source rows that are translations of test rows, as far as an encoder can see them."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.advice.sight import BLIND, DIM, sight
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.advice.translations import find_translations
from app.learn.examples import Examples
from app.services.running.advice.case import Case
from app.services.running.advice.twins import Twins
from app.services.running.advice.views import Seen


def translated(case: Case, test: Examples) -> dict[str, Any]:
    """Mutual nearest neighbours between source and test rows, each language's mean removed.

    `sight` says how well the encoder relates the two languages (`app.learn.advice.sight`), on
    labelled rows other than the test rows; where it is blind nothing is looked for.
    """
    source = case.held.source
    if not case.single_label:
        return inapplicable("Translations are looked for where each row has one label.")
    if source is None:
        return untold("There are no source rows that could be translations of test rows.")
    if case.source_language.split("-")[0] == case.spec.language.split("-")[0]:
        return untold("Source and target are one language, so there are no translations.")
    eyes, labelled = case.eyes(), case.labelled()
    ours, theirs = eyes.of("source", source.inputs), eyes.of("test", test.inputs)
    known = None if labelled is None else eyes.of("labelled", labelled.inputs)
    mean = _mean(theirs, known)
    here, there = ours.vectors - ours.vectors.mean(axis=0), theirs.vectors - mean
    kappa = None
    if labelled is not None and known is not None:
        targets = source.targets[ours.positions], labelled.targets[known.positions]
        kappa = sight(here, targets[0], known.vectors - mean, targets[1])
    if kappa is not None and kappa < BLIND:
        return untold(_blind_said(kappa), sight=kappa)
    rows, tests = source.take(ours.positions), test.take(theirs.positions)
    twins = Twins(rows, tests, find_translations(here, there))
    touched = twins.test_rows()
    return told(_said(twins, kappa), **twins.report(), sight=kappa, touched=touched)


def _mean(test: Seen, labelled: Seen | None) -> np.ndarray:
    """The mean vector (width,) of the target language, over all rows that were encoded."""
    parts = [test.vectors] if labelled is None else [test.vectors, labelled.vectors]
    mean: np.ndarray = np.concatenate(parts).mean(axis=0)
    return mean


def _blind_said(kappa: float) -> str:
    return (
        "Whether source rows translate test rows cannot be told: the encoder does not relate the "
        f"two languages (agreement of labels across them {kappa:.2f}, where 0 is chance), so "
        "this check is blind. Give group ids of translations."
    )


def _said(twins: Twins, kappa: float | None) -> str:
    said = f"{twins.found} source row(s) look like translations of test rows."
    if kappa is None:
        return said + " Without target labels it is unknown how many the encoder misses."
    said += f" (Agreement of labels across the languages: {kappa:.2f}.)"
    return said + (" At such agreement most translations are missed." if kappa < DIM else "")
