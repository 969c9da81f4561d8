"""What is needed to answer for a model: its identity, its facts and what was compiled of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.models import ModelFacts


@dataclass(frozen=True)
class Compiled:
    """An artifact that answers like the model, only faster.

    `engine` and `precision` say what computes with it; `sha256` is its own digest.
    """

    engine: str
    precision: str
    sha256: str


@dataclass(frozen=True)
class Servable:
    """A model that can answer; `compiled` is None where the model's own file is all there is."""

    id: str
    name: str
    version: int
    sha256: str
    facts: ModelFacts
    compiled: Compiled | None = None
