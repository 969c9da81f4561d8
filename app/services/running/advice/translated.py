"""Source rows that are translations of test rows, as far as an encoder can see them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from app.learn.advice.sight import DIM, LEAST_FOUND, Sight, sight
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.advice.translations import find_translations
from app.learn.examples import Examples
from app.services.running.advice.case import Case
from app.services.running.advice.twins import Twins
from app.services.running.advice.views import Seen


def translated(case: Case, test: Examples) -> dict[str, Any]:
    """Mutual nearest neighbours between source and test rows, each language's mean removed.

    `sight` says how well the encoder relates the two languages (`app.learn.advice.sight`), on
    labelled rows other than the test rows; where it is blind nothing is looked for. `missed` is a
    cautious guess at how many more translations there are than were found.
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
    seeing = None
    if labelled is not None and known is not None:
        targets = source.targets[ours.positions], labelled.targets[known.positions]
        seeing = sight(here, targets[0], known.vectors - mean, targets[1])
    agreement = None if seeing is None else asdict(seeing)
    if seeing is not None and seeing.blind:
        return untold(_blind_said(seeing), sight=agreement)
    if seeing is not None and seeing.unsure:
        return untold(_unsure_said(seeing), sight=agreement)
    rows, tests = source.take(ours.positions), test.take(theirs.positions)
    twins = Twins(rows, tests, find_translations(here, there))
    least = LEAST_FOUND if seeing is None else seeing.least_found
    missed = round(twins.found * (1 / least - 1))
    facts = twins.report() | {"sight": agreement, "missed": missed}
    said = translations_sentence(twins.found, missed, seeing)
    return told(said, **facts, touched=twins.test_rows(), seen=twins.seen_rows())


def translations_sentence(found: int, missed: int, seeing: Sight | None) -> str:
    """How many test rows look translated, and what the check may have missed."""
    said = f"{found} test row(s) look translated from source rows"
    if missed:
        return f"{said}, perhaps {missed} more."
    if seeing is None:
        return f"{said}; without target labels it is unknown how many the encoder misses."
    if seeing.across < DIM:
        return f"{said}; the encoder may miss most, as it relates the two languages weakly."
    return f"{said}."


def _mean(test: Seen, labelled: Seen | None) -> np.ndarray:
    """The mean vector (width,) of the target language, over all rows that were encoded."""
    parts = [test.vectors] if labelled is None else [test.vectors, labelled.vectors]
    mean: np.ndarray = np.concatenate(parts).mean(axis=0)
    return mean


def _blind_said(seeing: Sight) -> str:
    return (
        "Whether source rows translate test rows cannot be told: the encoder does not relate the "
        f"two languages (agreement of nearest rows' labels across them {seeing.across:.2f}, where "
        f"0 is chance, and {min(seeing.in_source, seeing.in_target):.2f} within each), so this "
        "check is blind. Give group ids of translations."
    )


def _unsure_said(seeing: Sight) -> str:
    where = "target" if seeing.in_target <= seeing.in_source else "source"
    least = min(seeing.in_source, seeing.in_target)
    return (
        "Whether source rows translate test rows cannot be told: even within the "
        f"{where} language the labels of nearest rows hardly agree ({least:.2f}, where 0 is "
        "chance). Either labels are wrong, or the encoder does not tell texts of this kind apart. "
        "Look at some labelled rows; give group ids of translations."
    )
