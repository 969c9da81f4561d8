"""All advice on a finished transfer; here: abstention, learning curve, language distance."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from app.domain.enums import EvaluationKind, Role
from app.learn.advice.abstention import abstention_threshold, check_threshold, rows_needed
from app.learn.advice.languages import language_distance, translation_agreement
from app.learn.advice.learning_curve import (
    advise_on_labels,
    curve_sizes,
    draw_learning_curve,
    training_rows,
)
from app.learn.advice.statements import give_advice, not_applicable, withhold_advice
from app.learn.callbacks import Cancelled, Monitor, SubProgress
from app.learn.data.examples import Inputs, take_inputs
from app.learn.data.splits import clusters
from app.methods.contract import method_named
from app.services.transfers.advice.data import (
    leakage_advice,
    tokenizer_advice,
    truncation_advice,
    wrong_language_advice,
)
from app.services.transfers.advice.finished_transfer import (
    FinishedTransfer,
    NoRowVectors,
    RowEncoder,
    deadline,
)
from app.services.transfers.train import held_out_answers

_MIN_SECONDS = 15.0
_log = logging.getLogger(__name__)
# More than half of the rows should train.
_ROWS_FOR_EACH = 2
_MIN_LABELLED_ROWS = 50
_ROWS_PER_LABEL = 8  # four times the least that `curve_sizes` begins with
_DRAWS = 4
_TIME_SHARE = 0.25  # of the time for vectors
_MIN_ROWS = 20
_MOST_PAIRS = 300
# Of `mean_distance`: at 1, language matters as much as meaning.
_CLOSE, _FAR = 0.5, 1.0
# Where more rows may come from, the cheapest first.
_SOURCE_ROLES = (Role.SOURCE_UNLABELLED, Role.SOURCE, Role.SOURCE_TEST)
_TARGET_ROLES = (Role.UNLABELLED, Role.TRAIN, Role.TEST)
NamedRows = tuple[str, Inputs]  # the rows, and the name by which their vectors are kept


def advise(finished: FinishedTransfer) -> dict[str, Any] | None:
    """A statement for each part (`app.learn.advice.statements`), and the `seconds` it all took.

    A part that cannot be computed says why; only `Cancelled` passes. None where the settings
    allow no time for it.
    """
    if not finished.seconds:
        return None
    began = time.monotonic()
    advice: dict[str, Any] = {}
    finished.monitor = turns = _PartMonitor(finished.monitor)
    for number, (name, give) in enumerate(_PARTS.items()):
        turns.begin(number)
        advice[name] = _compute_part(give, finished)
    return advice | {"seconds": round(time.monotonic() - began, 2)}


def advice_seconds(most: float, passed: float) -> float:
    """As long as the work took, which is `passed` seconds, or a little, but not over `most`.

    A short transfer should not wait long for advice.
    """
    return min(most, max(_MIN_SECONDS, passed))


class _PartMonitor:
    """The Monitor of all parts, which share networks and vectors; each has a turn on the bar."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._turn: Monitor = monitor

    def begin(self, number: int) -> None:
        """Count what is reported from now on for this part."""
        self._turn = SubProgress(self._monitor, number / len(_PARTS), (number + 1) / len(_PARTS))
        self._turn.progress("giving advice", 0.0)

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report the fraction of a computation of the part; several of one part count as one."""
        self._turn.progress("giving advice", fraction, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on."""
        self._monitor.event(kind, **data)


def _compute_part(
    give: Callable[[FinishedTransfer], dict[str, Any]], finished: FinishedTransfer
) -> dict[str, Any]:
    try:
        return give(finished)
    except Cancelled:
        raise
    except NoRowVectors:
        return not_applicable("This model's head does not read one vector for each row.")
    except Exception as error:
        _log.exception("advice could not be given")
        return withhold_advice(
            f"This could not be computed: {type(error).__name__}: {str(error)[:200]}"
        )


def abstention_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """The threshold for the wanted precision, from rows not trained on, and how the test went."""
    if not finished.single_label or not finished.served.labels:
        return not_applicable("A threshold is for models that give each row one label.")
    best, test = finished.best, finished.held_out.test
    judged = held_out_answers(
        finished.context, finished.served, best.output, best.partition.validation, finished.monitor
    )
    if judged is None:
        return withhold_advice(_missing_rows_sentence(finished))
    wanted, rows = finished.spec.wanted_precision, judged.rows
    advice = abstention_threshold(
        judged.answers,
        rows.targets,
        wanted,
        clusters(rows),
        out_of_fold=best.output.out_of_fold is not None,
    )
    answered = finished.compared.on_test.get(EvaluationKind.TRANSFERRED)
    if advice["status"] != "given" or test is None or answered is None:
        return advice
    checked = check_threshold(answered, test.targets, advice["threshold"], clusters(test))
    return advice | {"test": checked, "sentence": f"{advice['sentence']} {_test_sentence(checked)}"}


def _missing_rows_sentence(finished: FinishedTransfer) -> str:
    """What a threshold takes, and how to get there where every labelled row was trained on."""
    wanted, labelled = finished.spec.wanted_precision, finished.labelled()
    needed, rows = rows_needed(wanted), 0 if labelled is None else len(labelled)
    there = f"you have {rows}, all of them trained on" if rows else "there are none"
    sentence = (
        f"A precision of {wanted:.0%} cannot be promised: that takes at least {needed} labelled "
        f"rows kept out of training, and {there}. Send so many as a `validation` dataset"
    )
    if rows < _ROWS_FOR_EACH * needed:
        return f"{sentence}."
    return (
        f"{sentence}, or ask for a `validation_fraction` of {math.ceil(100 * needed / rows) / 100}."
    )


def _test_sentence(checked: dict[str, Any]) -> str:
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


def learning_curve_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """The learning curve of a head on the body's vectors, out of fold; test rows stay apart."""
    if not finished.single_label:
        return not_applicable("A learning curve is drawn for models that give each row one label.")
    rows = finished.labelled()
    if rows is None or len(rows) < _MIN_LABELLED_ROWS:
        return withhold_advice(
            "How much further labels would help is unknown: an estimate takes at least "
            f"{_MIN_LABELLED_ROWS} labelled rows of the target language, and there are "
            f"{len(rows or ())}."
        )
    encoded = finished.language_encoder().encode("labelled", rows.inputs)
    sample = rows.take(encoded.positions)
    present, targets, counts = np.unique(sample.targets, return_inverse=True, return_counts=True)
    groups = clusters(sample)
    if len(present) < 2:
        return withhold_advice(
            "How much further labels would help is unknown: all labelled rows have one label."
        )
    if len(np.unique(groups)) < 2:
        return withhold_advice(
            "How much further labels would help is unknown: all labelled rows are of one group."
        )
    most = training_rows(targets, groups, _DRAWS, finished.spec.seed)
    sizes = curve_sizes(most, len(present))
    if sizes[-1] < 4 * sizes[0]:
        rarest = finished.served.labels[present[counts.argmin()]]
        return withhold_advice(
            "How much further labels would help is unknown: a curve takes "
            f"{_ROWS_PER_LABEL} rows to train on for each label, here "
            f"{_ROWS_PER_LABEL * len(present)} for {len(present)} labels. Of the {len(sample)} "
            f"labelled rows {most} are trained on, the others are answered; `{rarest}` has "
            f"{counts.min()} in all."
        )
    until = deadline(_TIME_SHARE * finished.seconds)
    correct = draw_learning_curve(
        encoded.vectors, targets, groups, sizes, _DRAWS, finished.spec.seed, until, finished.monitor
    )
    advice = advise_on_labels(correct, sizes, finished.spec.seed, groups)
    return advice | {"draws": len(correct), "encoder": _encoder_name(finished)}


def _encoder_name(finished: FinishedTransfer) -> str:
    """Whose vectors: the model before knows nothing of these labels, a replaced body may."""
    return "after" if finished.best.output.rebuilt else "before"


def language_distance_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """The same measures by the source model's encoder and by the transferred one's."""
    source, target = _source_inputs(finished), _target_inputs(finished)
    if source is None or target is None or min(len(source[1]), len(target[1])) < _MIN_ROWS:
        return withhold_advice(_missing_language_sentence(finished, source, target))
    before = _measured(finished, finished.source_encoder(), source, target)
    kept = finished.transferred_encoder() is finished.source_encoder()
    after = before if kept else _measured(finished, finished.transferred_encoder(), source, target)
    return give_advice(
        _distance_sentence(before, after, kept), before=before, after=after, encoder_kept=kept
    )


def _missing_language_sentence(
    finished: FinishedTransfer, source: NamedRows | None, target: NamedRows | None
) -> str:
    """Of which language there are too few rows, and in which role the method reads more."""
    sides = (("source", source, _SOURCE_ROLES), ("target", target, _TARGET_ROLES))
    counts = [(name, 0 if part is None else len(part[1]), roles) for name, part, roles in sides]
    short = [(name, count, roles) for name, count, roles in counts if count < _MIN_ROWS]
    there = " and ".join(f"{count or 'none'} of the {name} language" for name, count, _ in short)
    read = method_named(finished.spec.method).roles
    roles = " and ".join(
        f"`{next(role for role in roles if role in read)}`"
        for _, _, roles in short
        if any(role in read for role in roles)
    )
    sentence = (
        f"The distance of the languages is unknown: that takes {_MIN_ROWS} rows of each, and "
        f"there are {there}."
    )
    return f"{sentence} Give {roles} rows." if roles else sentence


def _source_inputs(finished: FinishedTransfer) -> NamedRows | None:
    rows = finished.source_rows()
    if rows is not None:
        return "source", rows.inputs
    inputs = finished.held_out.unlabelled.get(Role.SOURCE_UNLABELLED)
    return None if inputs is None else ("source", inputs)


def _target_inputs(finished: FinishedTransfer) -> NamedRows | None:
    labelled = finished.labelled()
    if labelled is not None:
        return "labelled", labelled.inputs
    if finished.held_out.test is not None:
        return "test", finished.held_out.test.inputs
    inputs = finished.held_out.unlabelled.get(Role.UNLABELLED)
    return None if inputs is None else ("unlabelled", inputs)


def _pairs(finished: FinishedTransfer) -> tuple[Inputs, Inputs] | None:
    """Translations: parallel rows, else source and target rows of one group; None if too few."""
    parallel = finished.held_out.pairs.get(Role.PARALLEL)
    if parallel is not None:
        pairs: tuple[Inputs, Inputs] = list(parallel.source), list(parallel.target)
    else:
        source, target = finished.source_rows(), finished.labelled()
        if source is None or target is None or source.groups is None or target.groups is None:
            return None
        in_source = {group: i for i, group in enumerate(source.groups) if group}
        in_target = {group: i for i, group in enumerate(target.groups) if group in in_source}
        left = np.array([in_source[group] for group in in_target], dtype=np.int64)
        right = np.array(list(in_target.values()), dtype=np.int64)
        pairs = take_inputs(source.inputs, left), take_inputs(target.inputs, right)
    return pairs if len(pairs[0]) >= _MIN_ROWS else None


def _measured(
    finished: FinishedTransfer, encoder: RowEncoder, source: NamedRows, target: NamedRows
) -> dict[str, Any]:
    source_rows, target_rows = encoder.encode(*source), encoder.encode(*target)
    measures: dict[str, Any] = language_distance(
        source_rows.vectors, target_rows.vectors, finished.spec.seed
    )
    pairs = _pairs(finished)
    if pairs is None:
        return measures | {"translations": None}
    # Both sides are drawn in one order, so that what is encoded of the shorter has its partner.
    left, right = (
        encoder.encode("translations, source", pairs[0]),
        encoder.encode("translations, target", pairs[1]),
    )
    _, i, j = np.intersect1d(left.positions, right.positions, return_indices=True)
    i, j = i[:_MOST_PAIRS], j[:_MOST_PAIRS]
    return measures | {"translations": translation_agreement(left.vectors[i], right.vectors[j])}


def _distance_sentence(before: dict[str, Any], after: dict[str, Any], encoder_kept: bool) -> str:
    sentence = f"In the source model's encoder {_how_far_apart(before)}"
    if encoder_kept:
        return f"{sentence}; the transfer left the encoder as it was."
    return f"{sentence}; in the transferred model's {_how_far_apart(after)}."


def _how_far_apart(measures: dict[str, Any]) -> str:
    """How far, with the number that says so."""
    distance = measures["mean_distance"]
    words = "somewhat apart"
    if distance < _CLOSE:
        words = "close together"
    elif distance >= _FAR:
        words = "far apart"
    return (
        f"the two languages lie {words}: between their means there is {distance:.2f} of the "
        "distance of a row from the mean of its own language"
    )


_PARTS: dict[str, Callable[[FinishedTransfer], dict[str, Any]]] = {
    "abstention": abstention_advice,
    "learning_curve": learning_curve_advice,
    "leakage": leakage_advice,
    "language_distance": language_distance_advice,
    "tokenizer": tokenizer_advice,
    "truncation": truncation_advice,
    "wrong_language": wrong_language_advice,
}
