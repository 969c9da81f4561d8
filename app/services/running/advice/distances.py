"""Advice on how far source and target language lie apart, before the transfer and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.enums import Role
from app.learn.advice.language_distance import language_distance, translation_agreement
from app.learn.advice.statements import told, untold
from app.learn.examples import Inputs, take_inputs
from app.methods.catalog import method_named
from app.services.running.advice.case import Case
from app.services.running.advice.views import View

_FEWEST = 20
_MOST_PAIRS = 300
# Of `mean_distance`: at 1, language matters as much as meaning.
_CLOSE, _FAR = 0.5, 1.0
# Where more rows may come from, the cheapest first.
_SOURCE_ROLES = (Role.SOURCE_UNLABELLED, Role.SOURCE, Role.SOURCE_TEST)
_TARGET_ROLES = (Role.UNLABELLED, Role.TRAIN, Role.TEST)
Part = tuple[str, Inputs]  # the rows, and the name by which a view keeps their vectors


def distances(case: Case) -> dict[str, Any]:
    """The same measures by the source model's encoder and by the transferred one's."""
    source, target = _source_inputs(case), _target_inputs(case)
    if source is None or target is None or min(len(source[1]), len(target[1])) < _FEWEST:
        return untold(_lacking(case, source, target))
    before = _measured(case, case.before(), source, target)
    kept = case.after() is case.before()
    after = before if kept else _measured(case, case.after(), source, target)
    return told(_said(before, after, kept), before=before, after=after, encoder_kept=kept)


def _lacking(case: Case, source: Part | None, target: Part | None) -> str:
    """Of which language there are too few rows, and in which role the method reads more."""
    sides = (("source", source, _SOURCE_ROLES), ("target", target, _TARGET_ROLES))
    counts = [(name, 0 if part is None else len(part[1]), roles) for name, part, roles in sides]
    short = [(name, count, roles) for name, count, roles in counts if count < _FEWEST]
    there = " and ".join(f"{count or 'none'} of the {name} language" for name, count, _ in short)
    read = method_named(case.spec.method).roles
    roles = " and ".join(
        f"`{next(role for role in roles if role in read)}`"
        for _, _, roles in short
        if any(role in read for role in roles)
    )
    said = (
        f"The distance of the languages cannot be told: that takes {_FEWEST} rows of each, and "
        f"there are {there}."
    )
    return f"{said} Give {roles} rows." if roles else said


def _source_inputs(case: Case) -> Part | None:
    rows = case.source_rows()
    if rows is not None:
        return "source", rows.inputs
    inputs = case.held.inputs.get(Role.SOURCE_UNLABELLED)
    return None if inputs is None else ("source", inputs)


def _target_inputs(case: Case) -> Part | None:
    labelled = case.labelled()
    if labelled is not None:
        return "labelled", labelled.inputs
    if case.held.test is not None:
        return "test", case.held.test.inputs
    inputs = case.held.inputs.get(Role.UNLABELLED)
    return None if inputs is None else ("unlabelled", inputs)


def _pairs(case: Case) -> tuple[Inputs, Inputs] | None:
    """Translations: parallel rows, else source and target rows of one group; None if too few."""
    given = case.held.pairs.get(Role.PARALLEL)
    if given is not None:
        pairs: tuple[Inputs, Inputs] = list(given.source), list(given.target)
    else:
        source, target = case.source_rows(), case.labelled()
        if source is None or target is None or source.groups is None or target.groups is None:
            return None
        ours = {group: i for i, group in enumerate(source.groups) if group}
        theirs = {group: i for i, group in enumerate(target.groups) if group in ours}
        positions = np.array([(ours[group], i) for group, i in theirs.items()], dtype=np.int64)
        left, right = positions.reshape(-1, 2).T
        pairs = take_inputs(source.inputs, left), take_inputs(target.inputs, right)
    return pairs if len(pairs[0]) >= _FEWEST else None


def _measured(case: Case, view: View, source: Part, target: Part) -> dict[str, Any]:
    ours, theirs = view.of(*source), view.of(*target)
    measures: dict[str, Any] = language_distance(ours.vectors, theirs.vectors, case.spec.seed)
    pairs = _pairs(case)
    if pairs is None:
        return measures | {"translations": None}
    # Both sides are drawn in one order, so that what is encoded of the shorter has its partner.
    left, right = (
        view.of("translations, source", pairs[0]),
        view.of("translations, target", pairs[1]),
    )
    _, i, j = np.intersect1d(left.positions, right.positions, return_indices=True)
    i, j = i[:_MOST_PAIRS], j[:_MOST_PAIRS]
    return measures | {"translations": translation_agreement(left.vectors[i], right.vectors[j])}


def _said(before: dict[str, Any], after: dict[str, Any], kept: bool) -> str:
    said = f"In the source model's encoder {_apart(before)}"
    if kept:
        return f"{said}; the transfer left the encoder as it was."
    return f"{said}; in the transferred model's {_apart(after)}."


def _apart(measures: dict[str, Any]) -> str:
    """How far, with the number that says so."""
    distance = measures["mean_distance"]
    how = "somewhat apart"
    if distance < _CLOSE:
        how = "close together"
    elif distance >= _FAR:
        how = "far apart"
    return (
        f"the two languages lie {how}: between their means there is {distance:.2f} of the distance "
        "of a row from the mean of its own language"
    )
