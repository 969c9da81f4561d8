"""What a model is served by, how that was chosen, and what was checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """How a candidate's answers compare to the network's own, on the same rows.

    `rows` come from the model's own evaluation where `real`, and are made up otherwise.
    `same_answers` is the share of rows answered alike, `largest_difference` that of any
    probability. `metric` names the headline measure; `reference` is the network's value,
    `value` the candidate's: None where no row has a label.
    """

    rows: int
    real: bool
    same_answers: float
    largest_difference: float
    passed: bool
    metric: str | None = None
    reference: float | None = None
    value: float | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to serve a model, as it was tried.

    Speeds are inputs per second: in batches of like length on one processor, and one by one.
    `failure` says why it cannot be had; it was then neither checked nor measured.
    """

    engine: str
    precision: str
    size_bytes: int = 0
    check: Check | None = None
    batched_per_second: float | None = None
    single_per_second: float | None = None
    failure: str = ""


@dataclass(frozen=True)
class Serving:
    """How a model is served, and every candidate that was tried.

    `sha256` is the digest of what was compiled; None where the model's own file is served.
    `reason` says in a sentence why it is this one; `failure` is an error's `as_dict()` where
    compiling itself went wrong.
    """

    engine: str
    precision: str
    reason: str
    sha256: str | None = None
    candidates: tuple[Candidate, ...] = ()
    failure: dict[str, Any] | None = None

    @property
    def check(self) -> Check | None:
        """The check of the candidate that was chosen."""
        for one in self.candidates:
            if (one.engine, one.precision) == (self.engine, self.precision):
                return one.check
        return None
