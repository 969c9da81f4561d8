"""Drift: how live traffic differs from the rows that a model was evaluated on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.models import Model
from app.domain.traffic import RecordedText, Trait


class DriftState(StrEnum):
    """What can be said; `drifted` as soon as one trait is."""

    DRIFTED = "drifted"
    STEADY = "steady"
    NOT_ENOUGH_TRAFFIC = "not-enough-traffic"
    NO_EVALUATION = "no-evaluation"


@dataclass(frozen=True)
class TraitDrift:
    """One trait of the live inputs beside the evaluation's.

    Shares are by name, or by bin for `confidence` and `length`. `distance` is from 0 (alike) to 1;
    it and `matters_from` are None where nothing was compared.
    """

    trait: Trait
    live: dict[str, float]
    evaluated: dict[str, float] | None
    distance: float | None
    matters_from: float | None
    drifted: bool
    sentence: str


@dataclass(frozen=True)
class Drift:
    """Live traffic since `since` (a date in UTC) beside the model's own evaluation.

    `sampled` counts live inputs, of which `needed` are enough; `texts` are recorded ones of which
    the model was least sure, none unless the operator allows it.
    """

    model: Model
    state: DriftState
    since: str
    sampled: int
    needed: int
    evaluation_id: str | None
    evaluated_rows: int
    sentence: str
    traits: list[TraitDrift]
    texts: list[RecordedText]
