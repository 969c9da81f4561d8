"""The Alias of a model's name, its canary and shadow, and how their answers compare."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from app.domain.predictions import AnyPrediction, LabelSetPrediction, Prediction, TaggedPrediction

# Lower-case letters, digits, `-` and `_`; what is digits alone is a version.
ALIAS_PATTERN = r"^[a-z0-9_-]*[a-z_-][a-z0-9_-]*$"
MOST_ALIAS_LETTERS = 64
C = TypeVar("C", bound="AnswerCounts | ComparisonCounts")


@dataclass(frozen=True)
class Share:
    """A model beside the one that an alias points to, and its share of the requests in percent."""

    model_id: str
    percent: float


@dataclass(frozen=True)
class Alias:
    """`name@alias` means the model `model_id`.

    The canary answers `canary_percent` of the requests in its place; the shadow is asked
    `shadow_percent` of the others too, and nobody sees its answers. `revision` grows with each
    change.
    """

    name: str
    alias: str
    model_id: str
    updated_at: datetime
    revision: int
    canary_model_id: str | None = None
    canary_percent: float | None = None
    shadow_model_id: str | None = None
    shadow_percent: float | None = None

    @property
    def canary(self) -> Share | None:
        """The model that is tried on a part of the requests."""
        return _share(self.canary_model_id, self.canary_percent)

    @property
    def shadow(self) -> Share | None:
        """The model that is asked too."""
        return _share(self.shadow_model_id, self.shadow_percent)

    @property
    def model_ids(self) -> set[str]:
        """All models that must stay while the alias points to them."""
        named = (self.model_id, self.canary_model_id, self.shadow_model_id)
        return {id for id in named if id is not None}


@dataclass(frozen=True)
class AliasMove:
    """That an alias pointed to `model_id` from `at` on; None: it was removed then."""

    name: str
    alias: str
    sequence: int
    model_id: str | None
    at: datetime


def _share(model_id: str | None, percent: float | None) -> Share | None:
    return None if model_id is None or percent is None else Share(model_id, percent)


@dataclass(frozen=True)
class AnswerCounts:
    """Answers of one model; sums are over inputs (`confidence`) and over requests (`seconds`)."""

    requests: int = 0
    inputs: int = 0
    failures: int = 0
    confidence_sum: float = 0.0
    seconds_sum: float = 0.0


@dataclass(frozen=True)
class ComparisonCounts:
    """Answers of a model and of its shadow to the same requests.

    `failures` are the shadow's; `passed_over` requests are those of which it was not asked, since
    others were waiting. Differences are of probabilities, over inputs; seconds over requests.
    """

    requests: int = 0
    inputs: int = 0
    agreements: int = 0
    failures: int = 0
    passed_over: int = 0
    difference_sum: float = 0.0
    difference_max: float = 0.0
    seconds_sum: float = 0.0
    shadow_seconds_sum: float = 0.0


@dataclass(frozen=True)
class Disagreement:
    """Two answers to one input that differ; `input` is None where it must not be kept."""

    id: str
    name: str
    alias: str
    model_id: str
    shadow_model_id: str
    at: datetime
    answer: Any
    shadow_answer: Any
    input: Any = None


@dataclass(frozen=True)
class ModelTally:
    """What one model answered under an alias since a moment."""

    model_id: str
    since: datetime
    counts: AnswerCounts


@dataclass(frozen=True)
class ShadowTally:
    """How a model and its shadow compared since a moment, and their newest disagreements."""

    model_id: str
    shadow_model_id: str
    since: datetime
    counts: ComparisonCounts
    disagreements: tuple[Disagreement, ...] = ()


def combine_counts(one: C, other: C) -> C:
    """Both together: everything is summed up, but of maxima (`..._max`) the larger one stays."""
    values = {}
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        values[field.name] = max(a, b) if field.name.endswith("_max") else a + b
    return type(one)(**values)


@dataclass(frozen=True)
class Agreement:
    """Whether two predictions say the same, and by how much their probabilities differ."""

    agrees: bool
    difference: float


def compare_predictions(main: AnyPrediction, other: AnyPrediction) -> Agreement:
    """Compare two predictions of one input; both of the same kind.

    `difference` is of the probability of the label that `main` names; of label sets, the largest of
    any label; of tagged words, the largest of any word that both tag alike.
    """
    if isinstance(main, Prediction) and isinstance(other, Prediction):
        label = main.label
        apart = abs(main.probabilities[label] - other.probabilities.get(label, 0.0))
        return Agreement(label == other.label, apart)
    if isinstance(main, LabelSetPrediction) and isinstance(other, LabelSetPrediction):
        apart = max(
            (abs(p - other.probabilities.get(k, 0.0)) for k, p in main.probabilities.items()),
            default=0.0,
        )
        return Agreement(set(main.labels) == set(other.labels), apart)
    assert isinstance(main, TaggedPrediction)
    assert isinstance(other, TaggedPrediction)
    pairs = list(zip(main.words, other.words, strict=True))
    alike = [abs(a.probability - b.probability) for a, b in pairs if a.tag == b.tag]
    return Agreement(len(alike) == len(pairs), max(alike, default=0.0))
