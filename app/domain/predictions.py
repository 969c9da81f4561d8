"""The Prediction: what a served model answers for one input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """The likeliest label, and the probability of every label, which sum to 1."""

    label: str
    probabilities: dict[str, float]
