"""What came of the requests under an alias: counts that add up, and answers that differ."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

C = TypeVar("C", bound="AnswerCounts | ComparisonCounts")


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


def added(one: C, other: C) -> C:
    """Both together: everything is summed up, but of maxima (`..._max`) the larger one stays."""
    values = {}
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        values[field.name] = max(a, b) if field.name.endswith("_max") else a + b
    return type(one)(**values)
