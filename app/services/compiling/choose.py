"""Which candidate serves a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.compilations import Candidate

# So much faster must be what answers less exactly, or needs more memory, than what it replaces.
WORTH = 1.2


@dataclass(frozen=True)
class Tried:
    """A candidate and its speed, 0 where it was not measured."""

    candidate: Candidate
    overall: float

    @property
    def usable(self) -> bool:
        """Whether it may serve: it could be made and passed its check."""
        return self.candidate.check is not None and self.candidate.check.passed


def choose(tried: Sequence[Tried]) -> tuple[Tried, str]:
    """The candidate to serve by, and the reason in a sentence.

    They stand in the order of preference, the network itself among them. A later one is taken
    when it is 1.2 times as fast as the one that would be taken without it.
    """
    usable = [one for one in tried if one.usable]
    chosen = usable[0]
    for one in usable[1:]:
        if one.overall >= WORTH * chosen.overall:
            chosen = one
    return chosen, _reason(chosen, usable)


def _reason(chosen: Tried, usable: Sequence[Tried]) -> str:
    if len(usable) == 1:
        return "It is the only candidate that passed its check."
    others = [
        f"{one.candidate.engine} {one.candidate.precision} ({chosen.overall / one.overall:.2f}x)"
        for one in usable
        if one is not chosen
    ]
    return (
        f"Its speed over that of the others that passed: {', '.join(others)}; a candidate further "
        f"down the list must be {WORTH} times as fast to be preferred."
    )
