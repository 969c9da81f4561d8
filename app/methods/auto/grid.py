"""The settings of each method that `auto` tries, in the order in which ties are broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Cost(IntEnum):
    """What a candidate changes of the source model, which is what it costs."""

    HEAD = 0  # the head at most, on vectors that are computed once
    ENCODER = 1  # another encoder, vocabulary or map; learns from no target label
    BODY = 2  # every parameter, by gradient descent


@dataclass(frozen=True)
class Entry:
    """A candidate: a method with parameters; without a method the untouched source model.

    `averaged` says that its head may be averaged with others. `instead_of` names an entry that
    makes this one superfluous where it can be fitted.
    """

    name: str
    method: str | None
    cost: Cost
    parameters: dict[str, Any] = field(default_factory=dict)
    instead_of: str | None = None
    averaged: bool = False

    @property
    def learns(self) -> bool:
        """Whether its answers depend on target labels."""
        return self.method is not None and self.cost is not Cost.ENCODER


# Within a cost the first goes before the others where they tie: those that use more of the data
# and stay near the source model where the data says nothing.
GRID = (
    Entry("self-train", "self-train", Cost.HEAD, {"strategy": "logistic"}, averaged=True),
    Entry("joint, logistic", "joint", Cost.HEAD, {"strategy": "logistic"}, averaged=True),
    Entry("fine-tune, logistic", "fine-tune", Cost.HEAD, {"strategy": "logistic"}, averaged=True),
    Entry("joint, head", "joint", Cost.HEAD, {"strategy": "head"}, "joint, logistic"),
    Entry("fine-tune, head", "fine-tune", Cost.HEAD, {"strategy": "head"}, "fine-tune, logistic"),
    Entry("zero-shot", None, Cost.HEAD),
    Entry("fine-tune, linear-probe", "fine-tune", Cost.HEAD, {"strategy": "linear-probe"}),
    Entry("bridge", "bridge", Cost.ENCODER),
    Entry("align", "align", Cost.ENCODER),
    Entry("distill", "distill", Cost.ENCODER),
    Entry("vocabulary", "vocabulary", Cost.ENCODER),
    Entry("fine-tune, lp-ft", "fine-tune", Cost.BODY, {"strategy": "lp-ft"}),
    Entry("fine-tune, lora", "fine-tune", Cost.BODY, {"strategy": "lora"}),
    Entry("joint, lp-ft", "joint", Cost.BODY, {"strategy": "lp-ft"}),
)
