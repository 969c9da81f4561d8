"""Live traffic: a sample of it recorded, and compared with the model's evaluation (drift)."""

from __future__ import annotations

import logging
import queue
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.artifacts.contract import Artifacts
from app.domain.enums import EvaluationKind, Task
from app.domain.evaluations import (
    CONFIDENCE_BINS,
    LENGTH_EDGES,
    Drift,
    DriftState,
    Evaluation,
    RecordedText,
    TrafficSample,
    Trait,
    TraitCounts,
    TraitDrift,
    add_sample,
    sampled_inputs,
    set_confidence,
)
from app.domain.identity import now
from app.domain.models import Model
from app.formats.prediction_tables import read_predictions
from app.formats.tables.language import identify_language
from app.learn.comparison import SampleDistance, ks_distance, total_variation_distance
from app.services.context import Context
from app.services.models import find_model
from app.store import evaluations
from app.store.database import is_transient

# Below this chance alone moves shares by more than what would matter.
MIN_SAMPLES = 100
_TEXTS_SHOWN = 20
_BINS = {
    Trait.CONFIDENCE: [str(i) for i in range(CONFIDENCE_BINS)],
    Trait.LENGTH: [str(i) for i in range(len(LENGTH_EDGES) + 1)],
}
_TRAIT_NAMES = {
    Trait.LANGUAGE: "language",
    Trait.CONFIDENCE: "confidence",
    Trait.LABEL: "labels",
    Trait.LENGTH: "length of texts",
}
# The languages of so many rows are identified, which takes up to a second.
_MAX_EVALUATED_ROWS = 20_000
_log = logging.getLogger(__name__)
# Samples that wait to be counted; those that come on top are dropped.
_QUEUE_SIZE = 10_000
_TEXTS_PER_DAY = 100
# PostgreSQL's BIGINT is signed.
_RANK_RANGE = 2**62


def compute_drift(context: Context, reference: str, days: int) -> Drift:
    """Traffic of today and the `days` before, beside the evaluation; raises `ModelNotFound`."""
    since = (now() - timedelta(days=days)).date().isoformat()
    with context.readers() as session:
        model = find_model(session, reference)
        live = evaluations.traffic_since(session, model.id, since)
        evaluation = _own_evaluation(session, model)
        texts = evaluations.least_sure_texts(session, model.id, since, _TEXTS_SHOWN)
    evaluated = None if evaluation is None else _evaluation_counts(context, model, evaluation)
    sampled = sampled_inputs(live)
    enough = sampled >= MIN_SAMPLES
    traits = [
        _compare_trait(trait, live[trait], (evaluated or {}).get(trait) if enough else None)
        for trait in Trait
        if trait in live
    ]
    state = _state(traits, enough, evaluated is not None)
    return Drift(
        model=model,
        state=state,
        since=since,
        sampled=sampled,
        needed=MIN_SAMPLES,
        evaluation_id=None if evaluation is None else evaluation.id,
        evaluated_rows=0 if evaluated is None else sampled_inputs(evaluated),
        sentence=overall_sentence(state, sampled, MIN_SAMPLES, traits),
        traits=traits,
        texts=texts,
    )


def _own_evaluation(session: Session, model: Model) -> Evaluation | None:
    """The evaluation that the model's transfer made of it, while its rows are kept."""
    if model.transfer_id is None:
        return None
    for one in evaluations.of_transfer(session, model.transfer_id):
        if one.kind is EvaluationKind.TRANSFERRED and one.predictions_sha256 is not None:
            return one
    return None


def _evaluation_counts(context: Context, model: Model, evaluation: Evaluation) -> TraitCounts:
    assert evaluation.predictions_sha256 is not None
    several = model.facts is not None and model.facts.task is Task.MULTI_LABEL_CLASSIFICATION
    return evaluated_traits(context.artifacts, evaluation.predictions_sha256, several)


def _compare_trait(trait: Trait, live: Counter[str], evaluated: Counter[str] | None) -> TraitDrift:
    found = None if not evaluated else _distance(trait, live, evaluated)
    return TraitDrift(
        trait=trait,
        live=_shares(live),
        evaluated=_shares(evaluated) if evaluated else None,
        distance=found.value if found else None,
        matters_from=found.matters_from if found else None,
        drifted=found is not None and found.matters,
        sentence=trait_sentence(trait, live, evaluated or None, found),
    )


def _distance(trait: Trait, live: Counter[str], evaluated: Counter[str]) -> SampleDistance:
    names = _BINS.get(trait) or sorted(live | evaluated)
    first, second = [live[name] for name in names], [evaluated[name] for name in names]
    return (ks_distance if trait in _BINS else total_variation_distance)(first, second)


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = counts.total()
    return {name: round(count / total, 4) for name, count in counts.most_common()}


def _state(traits: list[TraitDrift], enough: bool, evaluated: bool) -> DriftState:
    if not evaluated:
        return DriftState.NO_EVALUATION
    if not enough:
        return DriftState.NOT_ENOUGH_TRAFFIC
    drifted = any(trait.drifted for trait in traits)
    return DriftState.DRIFTED if drifted else DriftState.STEADY


def overall_sentence(state: DriftState, sampled: int, needed: int, traits: list[TraitDrift]) -> str:
    """What the whole comparison says, and what to do."""
    if state is DriftState.NO_EVALUATION:
        return (
            "There is no evaluation with kept rows to compare with: only a transfer makes one, and "
            "retention drops its rows. The traffic is shown by itself."
        )
    if state is DriftState.NOT_ENOUGH_TRAFFIC:
        return f"Not enough traffic yet: {sampled} of at least {needed} sampled inputs."
    if state is DriftState.STEADY:
        return "The traffic is like the rows that the model was evaluated on."
    changed = " and ".join(_TRAIT_NAMES[one.trait] for one in traits if one.drifted)
    return (
        f"The traffic differs from the evaluation in {changed}: its scores may not hold any more. "
        "Label some of the new inputs, evaluate, and transfer again if the scores fell."
    )


def trait_sentence(
    trait: Trait,
    live: Counter[str],
    evaluated: Counter[str] | None,
    distance: SampleDistance | None,
) -> str:
    """What became of one trait."""
    if evaluated is None or distance is None:
        return f"{_live_sentence(trait, live)}."
    amount = f"the distance is {distance.value:.2f}, and from {distance.matters_from:.2f} on it"
    return f"{_change_sentence(trait, live, evaluated)}; {amount} matters."


def _live_sentence(trait: Trait, live: Counter[str]) -> str:
    if trait is Trait.CONFIDENCE:
        return f"The mean confidence is {_mean_confidence(live):.2f}"
    if trait is Trait.LENGTH:
        return f"Half of the texts are shorter than {_median_length(live)} characters"
    name, count = live.most_common(1)[0]
    return f"`{name}` is {count / live.total():.0%} of the {_TRAIT_NAMES[trait]}"


def _change_sentence(trait: Trait, live: Counter[str], evaluated: Counter[str]) -> str:
    if trait is Trait.CONFIDENCE:
        mean, evaluated_mean = _mean_confidence(live), _mean_confidence(evaluated)
        return f"The mean confidence is {mean:.2f}, in the evaluation {evaluated_mean:.2f}"
    if trait is Trait.LENGTH:
        median, evaluated_median = _median_length(live), _median_length(evaluated)
        half = f"Half of the texts are shorter than {median} characters"
        return f"{half}, in the evaluation {evaluated_median}"
    name = max(live | evaluated, key=lambda one: abs(_share(live, one) - _share(evaluated, one)))
    shares = f"{_share(live, name):.0%}, in the evaluation {_share(evaluated, name):.0%}"
    return f"The share of `{name}` is {shares}"


def _share(counts: Counter[str], name: str) -> float:
    return counts[name] / counts.total()


def _mean_confidence(counts: Counter[str]) -> float:
    """By the middles of the bins."""
    total = sum((int(place) + 0.5) / CONFIDENCE_BINS * n for place, n in counts.items())
    return total / counts.total()


def _median_length(counts: Counter[str]) -> str:
    """The upper edge of the bin in which the middle text lies."""
    counted = 0
    for place in sorted(counts, key=int):
        counted += counts[place]
        if 2 * counted >= counts.total():
            break
    edge = min(int(place), len(LENGTH_EDGES) - 1)
    return str(LENGTH_EDGES[edge])


def evaluated_traits(artifacts: Artifacts, predictions_sha256: str, several: bool) -> TraitCounts:
    """Counts of a table of per-row predictions; kept, since its bytes never change.

    `several`: each row has any number of labels, so its probabilities are not of what it predicts.
    """
    return _count_table(artifacts.path(predictions_sha256), predictions_sha256, several)


@lru_cache(maxsize=64)
def _count_table(file: Path, _sha256: str, several: bool) -> TraitCounts:
    counts: TraitCounts = {}
    for row in read_predictions(file, "row", 0, _MAX_EVALUATED_ROWS):
        sample = _row_sample(row, several)
        add_sample(counts, sample, None if sample.text is None else identify_language(sample.text))
    return counts


def _row_sample(row: dict[str, Any], several: bool) -> TrafficSample:
    predicted, probabilities = row["predicted"], row["probabilities"]
    if several:
        return TrafficSample("", row["text"], tuple(predicted), set_confidence(probabilities))
    if isinstance(predicted, list):
        confidence = sum(probabilities) / len(probabilities) if probabilities else 1.0
        return TrafficSample("", row["text"], tuple(predicted), confidence)
    return TrafficSample("", row["text"], (predicted,), max(probabilities))


@dataclass
class _Unsaved:
    counts: dict[evaluations.ModelDay, TraitCounts] = field(default_factory=dict)
    texts: dict[evaluations.ModelDay, list[RecordedText]] = field(default_factory=dict)


class TrafficRecorder:
    """Takes samples at once, and counts them when `flush` is called from a thread.

    Texts themselves are kept only with the setting `record_texts`, at most 100 of a model and day.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: queue.Queue[TrafficSample] = queue.Queue(_QUEUE_SIZE)
        self._unsaved = _Unsaved()

    def take(self, samples: Iterable[TrafficSample]) -> None:
        """Take samples to be counted later; those for which there is no room are dropped."""
        for sample in samples:
            try:
                self._waiting.put_nowait(sample)
            except queue.Full:
                return

    def flush(self) -> None:
        """Identify languages, count, and add to the table.

        What the database cannot take now is kept for the next call, and its error raised; what it
        refuses is dropped, a model and day by itself, and stops nothing else.
        """
        while True:
            try:
                self._count(self._waiting.get_nowait())
            except queue.Empty:
                break
        try:
            self._save(list(self._unsaved.counts))
        except Exception as error:
            if is_transient(error):
                raise
            _log.warning("the sample of traffic is saved model by model: %s", error)
            for key in list(self._unsaved.counts):
                self._save_or_drop(key)

    def _save_or_drop(self, key: evaluations.ModelDay) -> None:
        try:
            self._save([key])
        except Exception as error:
            if is_transient(error):
                raise
            _log.exception("a sample of traffic that the database refuses is dropped")
            self._forget([key])

    def _save(self, keys: list[evaluations.ModelDay]) -> None:
        if not keys:
            return
        with self._context.sessions.begin() as session:
            evaluations.add_traffic(session, {key: self._unsaved.counts[key] for key in keys})
            texts = [text for key in keys for text in self._unsaved.texts.get(key, ())]
            evaluations.keep_texts(session, texts, _TEXTS_PER_DAY)
        self._forget(keys)

    def _forget(self, keys: list[evaluations.ModelDay]) -> None:
        for key in keys:
            del self._unsaved.counts[key]
            self._unsaved.texts.pop(key, None)

    def _count(self, sample: TrafficSample) -> None:
        language = None if sample.text is None else identify_language(sample.text)
        key = (sample.model_id, now().date().isoformat())
        add_sample(self._unsaved.counts.setdefault(key, {}), sample, language)
        if self._context.settings.record_texts and sample.text is not None:
            self._record(key, sample.text, language or "", sample)

    def _record(
        self, key: evaluations.ModelDay, text: str, language: str, sample: TrafficSample
    ) -> None:
        texts = self._unsaved.texts.setdefault(key, [])
        rank = secrets.randbelow(_RANK_RANGE)
        texts.append(
            RecordedText(*key, rank, _storable(text), language, sample.labels, sample.confidence)
        )
        if len(texts) > 2 * _TEXTS_PER_DAY:
            texts.sort(key=lambda one: one.rank)
            del texts[_TEXTS_PER_DAY:]


def _storable(text: str) -> str:
    """The text without what a database cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
