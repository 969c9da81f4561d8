"""How a candidate runtime of a model is judged: rows to run, equal answers, speed."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.orm import Session

from app.domain.datasets import Dataset
from app.domain.enums import EvaluationKind, Task
from app.domain.evaluations import Evaluation
from app.domain.models import EquivalenceCheck, ImageInput, Model, ModelFacts
from app.formats.images.pixels import read_image_rows
from app.formats.prediction_tables import read_predictions
from app.learn.data.examples import NO_WORD, Inputs
from app.learn.tasks.contract import Objective
from app.learn.tasks.multi_label import MultiLabel
from app.runtimes.contract import Prepared, Runtime
from app.services.context import Context
from app.store import datasets, evaluations
from app.store.database import retry_on_disconnect

if TYPE_CHECKING:
    from app.learn.network import Network


LARGEST_DIFFERENCE = 1e-3
BATCH_SIZE = 16
_MOST_ROWS = 2000
_RANDOM_ROWS = 64
_MAX_RANDOM_TOKENS = 60  # tokens of a made-up text
_ROUNDS = 5
_BATCHES = 3
_SINGLES = 5


@dataclass(frozen=True)
class CheckRows:
    """Inputs as networks take them; `targets` as the objective takes them, None where unknown."""

    inputs: Inputs
    targets: np.ndarray | None

    @property
    def real(self) -> bool:
        """Whether they come from the model's own evaluation."""
        return self.targets is not None


def load_check_rows(
    context: Context, model: Model, facts: ModelFacts, network: Network
) -> CheckRows:
    """At most 2,000 rows of the evaluation that the model's transfer ended with.

    A model that has none (an upload), or whose rows are gone, gets 64 rows of random tokens or
    pixels.
    """

    def find(session: Session) -> tuple[Evaluation | None, Dataset | None]:
        of_model = evaluations.page(session, 50, model_id=model.id).items
        found = next((e for e in of_model if e.kind is EvaluationKind.TRANSFERRED), None)
        return found, datasets.get(session, found.dataset_id) if found else None

    patience = context.settings.database_patience_seconds
    evaluation, dataset = retry_on_disconnect(context.readers, find, patience)
    if evaluation is None or evaluation.predictions_sha256 is None:
        return CheckRows(_random_inputs(facts, network), None)
    file = context.artifacts.path(evaluation.predictions_sha256)
    rows = read_predictions(file, "row", limit=evaluation.rows)
    order = np.random.default_rng(0).permutation(len(rows))[:_MOST_ROWS]
    rows = [rows[place] for place in sorted(order)]
    if not isinstance(facts.input, ImageInput):
        return CheckRows(_texts(facts, rows), _targets(facts, rows))
    if dataset is None or dataset.sha256 is None:
        return CheckRows(_random_inputs(facts, network), None)
    images = read_image_rows(context.artifacts.path(dataset.sha256)).images
    return CheckRows(images[[row["row"] - 1 for row in rows]], _targets(facts, rows))


def _texts(facts: ModelFacts, rows: list[dict[str, Any]]) -> Inputs:
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [tuple(row["words"]) for row in rows]
    return [row["text"] for row in rows]


def _targets(facts: ModelFacts, rows: list[dict[str, Any]]) -> np.ndarray:
    position = {label: place for place, label in enumerate(facts.labels)}
    named = [row["label"] for row in rows]
    if facts.task is Task.MULTI_LABEL_CLASSIFICATION:
        return np.array([[label in own for label in facts.labels] for own in named], dtype=bool)
    if facts.task is not Task.TOKEN_CLASSIFICATION:
        return np.array([position[label] for label in named], dtype=np.int64)
    longest = max(len(row["words"]) for row in rows)
    targets = np.full((len(rows), longest), NO_WORD, dtype=np.int64)
    for row, tags in enumerate(named):
        targets[row, : len(tags)] = [position[tag] for tag in tags]
    return targets


def _random_inputs(facts: ModelFacts, network: Any) -> Inputs:
    random = np.random.default_rng(0)
    if isinstance(facts.input, ImageInput):
        shape = (_RANDOM_ROWS, facts.input.channels, facts.input.height, facts.input.width)
        return random.integers(0, 256, shape, dtype=np.uint8)
    tokenizer = network.tokens.tokenizer()
    ids = sorted(tokenizer.get_vocab().values())
    lengths = random.integers(1, _MAX_RANDOM_TOKENS, _RANDOM_ROWS)
    texts = [tokenizer.decode(random.choice(ids, length).tolist()) for length in lengths]
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [tuple(text.split()) or ("word",) for text in texts]
    return [text if text.strip() else "text" for text in texts]


def run_rows(runtime: Runtime, rows: CheckRows) -> list[np.ndarray]:
    """What a runtime answers to each row, in batches of like length as they are served."""
    prepared = runtime.prepare(list(rows.inputs))
    order = sorted(range(len(prepared)), key=lambda place: prepared[place].cost)
    found: list[np.ndarray] = [np.empty(0)] * len(order)
    for start in range(0, len(order), BATCH_SIZE):
        positions = order[start : start + BATCH_SIZE]
        answers = runtime.run([prepared[place] for place in positions], threads=1)
        for place, answer in zip(positions, answers, strict=True):
            found[place] = answer
    return found


def check_answers(
    objective: Objective,
    rows: CheckRows,
    reference: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    tolerance: float | None,
) -> EquivalenceCheck:
    """The check of a candidate; `tolerance` is the loss that one of reduced precision may have.

    None asks for equal answers: the same ones on every row, and no probability further away than
    1e-3. Reduced precision cannot pass on rows without labels.
    """
    pairs = list(zip(reference, found, strict=True))
    # Of NumPy: Python's own passes NaN over when it stands behind a number.
    largest = float(np.max([np.abs(own - other).max(initial=0) for own, other in pairs]))
    same = float(np.mean([_same_answer(objective, own, other) for own, other in pairs]))
    reference_score, score = (
        _primary_metric(objective, rows, reference),
        _primary_metric(objective, rows, found),
    )
    if tolerance is None:
        passed = same == 1.0 and largest < LARGEST_DIFFERENCE
    else:
        # Rounded: 0.7575 - 0.7525 is a little more than 0.005 in floating point.
        loss = (
            None if reference_score is None or score is None else round(reference_score - score, 9)
        )
        passed = loss is not None and loss <= tolerance
    return EquivalenceCheck(
        rows=len(pairs),
        real=rows.real,
        same_answers=same,
        largest_difference=largest if np.isfinite(largest) else 1.0,
        passed=passed and bool(np.isfinite(largest)),
        metric=objective.metric if rows.real else None,
        reference=reference_score,
        value=score,
    )


def _same_answer(objective: Objective, own: np.ndarray, other: np.ndarray) -> bool:
    if isinstance(objective, MultiLabel):
        return bool((objective.predicted(own[None]) == objective.predicted(other[None])).all())
    return bool((own.argmax(axis=-1) == other.argmax(axis=-1)).all())


def _primary_metric(
    objective: Objective, rows: CheckRows, answers: Sequence[np.ndarray]
) -> float | None:
    if rows.targets is None:
        return None
    if not objective.per_word:
        return objective.primary_metric(np.stack(answers), rows.targets).value
    longest = max(len(one) for one in answers)
    padded = np.zeros((len(answers), longest, len(objective.labels)), dtype=np.float32)
    for row, one in enumerate(answers):
        padded[row, : len(one)] = one
    # Words behind the end of a sentence have no target, whatever their answer is.
    assert (rows.targets[:, longest:] == NO_WORD).all()
    return objective.primary_metric(padded, rows.targets).value


@dataclass(frozen=True)
class Speed:
    """Inputs per second: in batches of like length on one processor, and one by one on all."""

    batched: float
    single: float

    @property
    def overall(self) -> float:
        """The geometric mean of both, by which candidates are compared."""
        return float((self.batched * self.single) ** 0.5)


def measure_speed(runtimes: Sequence[Runtime], rows: CheckRows) -> list[Speed]:
    """The speed of each runtime: the median of five rounds, in each of which all take turns."""
    prepared = [_sorted_by_cost(runtime, rows) for runtime in runtimes]
    batched: list[list[float]] = [[] for _ in runtimes]
    single: list[list[float]] = [[] for _ in runtimes]
    for turn in range(_ROUNDS + 1):
        for place, (runtime, inputs) in enumerate(zip(runtimes, prepared, strict=True)):
            speeds = _batched_speed(runtime, inputs), _single_speed(runtime, inputs)
            if turn:  # the first round warms up
                batched[place].append(speeds[0])
                single[place].append(speeds[1])
    medians = zip(map(statistics.median, batched), map(statistics.median, single), strict=True)
    return [Speed(*both) for both in medians]


def _sorted_by_cost(runtime: Runtime, rows: CheckRows) -> list[Prepared]:
    return sorted(runtime.prepare(list(rows.inputs)), key=lambda one: one.cost)


def _batched_speed(runtime: Runtime, inputs: list[Prepared]) -> float:
    """A short batch, a middling one and a long one."""
    last = max(0, len(inputs) - BATCH_SIZE)
    starts = sorted({round(last * place / (_BATCHES - 1)) for place in range(_BATCHES)})
    count, began = 0, time.perf_counter()
    for start in starts:
        count += len(runtime.run(inputs[start : start + BATCH_SIZE], threads=1))
    return count / (time.perf_counter() - began)


def _single_speed(runtime: Runtime, inputs: list[Prepared]) -> float:
    chosen = inputs[:: max(1, len(inputs) // _SINGLES)]
    began = time.perf_counter()
    for one in chosen:
        runtime.run([one], threads=os.cpu_count() or 1)
    return len(chosen) / (time.perf_counter() - began)
