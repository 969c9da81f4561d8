"""The answers of the transferred model and of everything it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.domain.enums import EvaluationKind, Role
from app.domain.errors.predictions import AnswerNotFinite
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import Examples, concatenate_examples
from app.learn.tasks.contract import Objective, require_finite
from app.learn.vector_cache import VectorCache
from app.services.transfers.inputs import TransferInputs
from app.services.transfers.partition import HeldOut, Partition

if TYPE_CHECKING:
    from app.learn.network import Network


AnswersByKind = dict[EvaluationKind, np.ndarray]
# Enough to see whether the source model agrees with the training labels at all.
_TRAINING_ROWS = 200


@dataclass(frozen=True)
class ComparedAnswers:
    """Probabilities by kind; every kind of one role has the same rows.

    `on_training` are rows to train on with the untouched source model's answers to them, None
    where it has no head or rows have several labels.
    """

    on_test: AnswersByKind
    on_source_test: AnswersByKind
    on_training: tuple[Examples, np.ndarray] | None = None

    def all(self) -> AnswersByKind:
        """Every kind, those on the test rows first."""
        return {**self.on_test, **self.on_source_test}


def source_model_answers(
    network: Network,
    inputs: TransferInputs,
    held_out: HeldOut,
    vectors: VectorCache,
    monitor: Monitor,
) -> ComparedAnswers:
    """The untouched source model on the test rows; nothing where it has no head of its own."""
    if not inputs.has_head:
        return ComparedAnswers({}, {})
    on_test, on_source = (
        _on_test(EvaluationKind.SOURCE_MODEL, network, held_out, vectors, monitor),
        {},
    )
    if held_out.source_test is not None:
        rest = SubProgress(monitor, 0.5, 1.0)
        on_source[EvaluationKind.SOURCE_BEFORE] = predict_examples(
            network, held_out.source_test, vectors, rest
        )
    return ComparedAnswers(on_test, on_source, _on_training(network, held_out, vectors, monitor))


def transferred_answers(
    network: Network,
    held_out: HeldOut,
    before: ComparedAnswers,
    vectors: VectorCache,
    monitor: Monitor,
) -> ComparedAnswers:
    """Those of the transferred network, put before those of the source model."""
    if not network.labels:
        return before
    on_test = _on_test(EvaluationKind.TRANSFERRED, network, held_out, vectors, monitor)
    on_source = dict(before.on_source_test)
    if held_out.source_test is not None:
        rest = SubProgress(monitor, 0.5, 1.0)
        on_source[EvaluationKind.SOURCE_AFTER] = predict_examples(
            network, held_out.source_test, vectors, rest
        )
    return ComparedAnswers(on_test | before.on_test, on_source, before.on_training)


def baseline_answers(
    partition: Partition, test: Examples | None, objective: Objective, seed: int
) -> AnswersByKind:
    """The baselines, trained on all target labels that the method had, validation included.

    The majority class and chance are always among them: without target labels to train on they
    know how frequent the labels of the test rows are, which makes them a little harder to beat.
    Nothing where there is no row to answer.
    """
    if test is None:
        return {}
    rows = labelled_rows(partition)
    found: AnswersByKind = {}
    shallow = None if rows is None else objective.text_baseline(rows, test.inputs)
    if shallow is not None:
        found[shallow_kind(objective)] = shallow
    known = test.targets if rows is None else rows.targets
    found[EvaluationKind.MAJORITY] = objective.majority(known, test.inputs)
    found[EvaluationKind.CHANCE] = objective.chance(known, test.inputs, seed)
    return found


def linear_probe_answers(
    encoder: Callable[[], Network],
    partition: Partition,
    test: Examples | None,
    vectors: VectorCache,
    seed: int,
    monitor: Monitor,
) -> AnswersByKind:
    """A baseline as above: logistic regression on the vectors of a network's frozen body.

    It is what a user of the encoder would write first. `encoder` loads the network, if need be.
    Nothing where the network makes no vector of a row.
    """
    from app.learn.heads.linear_probe import probe_answers

    rows = labelled_rows(partition)
    if test is None or rows is None:
        return {}
    found = probe_answers(encoder(), rows, test.inputs, vectors, seed, monitor)
    return {} if found is None else {EvaluationKind.LINEAR_PROBE: found}


def labelled_rows(partition: Partition) -> Examples | None:
    """The target rows that the method had labels of; None where there are none."""
    parts = [part for part in (partition.train, partition.validation) if part is not None]
    return (parts[0] if len(parts) == 1 else concatenate_examples(*parts)) if parts else None


def shallow_kind(objective: Objective) -> EvaluationKind:
    """What the baseline without a network is called."""
    return EvaluationKind.WORD_FEATURES if objective.per_word else EvaluationKind.TFIDF


def scored_rows(kind: EvaluationKind, held_out: HeldOut) -> tuple[Role, Examples]:
    """The role and the rows that an evaluation of this kind is about."""
    on_source = kind in (EvaluationKind.SOURCE_BEFORE, EvaluationKind.SOURCE_AFTER)
    role, rows = (
        (Role.SOURCE_TEST, held_out.source_test) if on_source else (Role.TEST, held_out.test)
    )
    assert rows is not None, "only rows that are there were answered"
    return role, rows


def _on_training(
    network: Network, held_out: HeldOut, vectors: VectorCache, monitor: Monitor
) -> tuple[Examples, np.ndarray] | None:
    """Evenly spaced training rows and the answers to them; None where one is no number."""
    pool = held_out.pool
    if held_out.test is None or pool is None or pool.targets.ndim != 1:
        return None
    positions = np.linspace(0, len(pool) - 1, min(len(pool), _TRAINING_ROWS)).round()
    rows = pool.take(positions.astype(np.int64))
    try:
        return rows, predict_examples(network, rows, vectors, SubProgress(monitor, 1.0, 1.0))
    except AnswerNotFinite:
        return None


def _on_test(
    kind: EvaluationKind,
    network: Network,
    held_out: HeldOut,
    vectors: VectorCache,
    monitor: Monitor,
) -> AnswersByKind:
    if held_out.test is None:
        return {}
    return {kind: predict_examples(network, held_out.test, vectors, SubProgress(monitor, 0.0, 0.5))}


def predict_examples(
    network: Network, rows: Examples, vectors: VectorCache, monitor: Monitor
) -> np.ndarray:
    """Probabilities, float32 (n, classes); the network is back on the CPU afterwards.

    Rows that the same body has read before, whatever its head was then, are not read again.
    Raises AnswerNotFinite, which names rows of the dataset.
    """
    from app.learn.devices import best_device
    from app.learn.inference import predict_frozen

    try:
        found = predict_frozen(network.to(best_device()), rows.inputs, vectors, monitor)
    finally:
        network.cpu()
    require_finite(found, place=lambda position: f"row {rows.rows[position]}")
    return found
