"""Drift in sentences: what changed, by how much, and from which amount on it matters."""

from __future__ import annotations

from collections import Counter

from app.domain.drift import DriftState, TraitDrift
from app.domain.traffic import CONFIDENCE_BINS, LENGTH_EDGES, Trait
from app.learn.drift import Distance

_WHAT = {
    Trait.LANGUAGE: "language",
    Trait.CONFIDENCE: "confidence",
    Trait.LABEL: "labels",
    Trait.LENGTH: "length of texts",
}


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
    changed = " and ".join(_WHAT[one.trait] for one in traits if one.drifted)
    return (
        f"The traffic differs from the evaluation in {changed}: its scores may not hold any more. "
        "Label some of the new inputs, evaluate, and transfer again if the scores fell."
    )


def trait_sentence(
    trait: Trait, live: Counter[str], evaluated: Counter[str] | None, distance: Distance | None
) -> str:
    """What became of one trait."""
    if evaluated is None or distance is None:
        return f"{_now(trait, live)}."
    amount = f"the distance is {distance.value:.2f}, and from {distance.matters_from:.2f} on it"
    return f"{_change(trait, live, evaluated)}; {amount} matters."


def _now(trait: Trait, live: Counter[str]) -> str:
    if trait is Trait.CONFIDENCE:
        return f"The mean confidence is {_mean(live):.2f}"
    if trait is Trait.LENGTH:
        return f"Half of the texts are shorter than {_median_length(live)} characters"
    name, count = live.most_common(1)[0]
    return f"`{name}` is {count / live.total():.0%} of the {_WHAT[trait]}"


def _change(trait: Trait, live: Counter[str], evaluated: Counter[str]) -> str:
    if trait is Trait.CONFIDENCE:
        return f"The mean confidence is {_mean(live):.2f}, in the evaluation {_mean(evaluated):.2f}"
    if trait is Trait.LENGTH:
        half, before = _median_length(live), _median_length(evaluated)
        return f"Half of the texts are shorter than {half} characters, in the evaluation {before}"
    name = max(live | evaluated, key=lambda one: abs(_share(live, one) - _share(evaluated, one)))
    moved = f"{_share(live, name):.0%}, in the evaluation {_share(evaluated, name):.0%}"
    return f"The share of `{name}` is {moved}"


def _share(counts: Counter[str], name: str) -> float:
    return counts[name] / counts.total()


def _mean(counts: Counter[str]) -> float:
    """By the middles of the bins."""
    total = sum((int(place) + 0.5) / CONFIDENCE_BINS * n for place, n in counts.items())
    return total / counts.total()


def _median_length(counts: Counter[str]) -> str:
    """The upper edge of the bin in which the middle text lies."""
    seen = 0
    for place in sorted(counts, key=int):
        seen += counts[place]
        if 2 * seen >= counts.total():
            break
    edge = min(int(place), len(LENGTH_EDGES) - 1)
    return str(LENGTH_EDGES[edge])
