"""Errors about where transfers run."""

from __future__ import annotations

from app.domain.errors import Unavailable


class EngineUnfit(Unavailable):
    """The engine of the settings cannot work here."""

    code = "engine-unfit"

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why, advice)
