"""The use case that compares live traffic with a model's own evaluation."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy.orm import Session

from app.domain.drift import Drift, DriftState, TraitDrift
from app.domain.enums import EvaluationKind, Task
from app.domain.evaluations import Evaluation
from app.domain.identity import now
from app.domain.models import Model
from app.domain.traffic import CONFIDENCE_BINS, LENGTH_EDGES, Counts, Trait, sampled_inputs
from app.learn.drift import Distance, mixed_distance, ordered_distance
from app.services.context import Context
from app.services.drift_sentences import overall_sentence, trait_sentence
from app.services.evaluated_traits import evaluated_traits
from app.services.models import find_model
from app.store import evaluations, traffic

# Below this chance alone moves shares by more than what would matter.
ENOUGH = 100
_MOST_TEXTS = 20
_BINS = {
    Trait.CONFIDENCE: [str(i) for i in range(CONFIDENCE_BINS)],
    Trait.LENGTH: [str(i) for i in range(len(LENGTH_EDGES) + 1)],
}


def find_drift(context: Context, reference: str, days: int) -> Drift:
    """Traffic of today and the `days` before, beside the evaluation; raises `ModelNotFound`."""
    since = (now() - timedelta(days=days)).date().isoformat()
    with context.readers() as session:
        model = find_model(session, reference)
        live = traffic.since(session, model.id, since)
        evaluation = _own_evaluation(session, model)
        texts = traffic.least_sure_texts(session, model.id, since, _MOST_TEXTS)
    evaluated = None if evaluation is None else _evaluated(context, model, evaluation)
    sampled = sampled_inputs(live)
    enough = sampled >= ENOUGH
    traits = [
        _compare(trait, live[trait], (evaluated or {}).get(trait) if enough else None)
        for trait in Trait
        if trait in live
    ]
    state = _state(traits, enough, evaluated is not None)
    return Drift(
        model=model,
        state=state,
        since=since,
        sampled=sampled,
        needed=ENOUGH,
        evaluation_id=None if evaluation is None else evaluation.id,
        evaluated_rows=0 if evaluated is None else sampled_inputs(evaluated),
        sentence=overall_sentence(state, sampled, ENOUGH, traits),
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


def _evaluated(context: Context, model: Model, evaluation: Evaluation) -> Counts:
    assert evaluation.predictions_sha256 is not None
    several = model.facts is not None and model.facts.task is Task.MULTI_LABEL_CLASSIFICATION
    return evaluated_traits(context.artifacts, evaluation.predictions_sha256, several)


def _compare(trait: Trait, live: Counter[str], evaluated: Counter[str] | None) -> TraitDrift:
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


def _distance(trait: Trait, live: Counter[str], evaluated: Counter[str]) -> Distance:
    names = _BINS.get(trait) or sorted(live | evaluated)
    first, second = [live[name] for name in names], [evaluated[name] for name in names]
    return (ordered_distance if trait in _BINS else mixed_distance)(first, second)


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
