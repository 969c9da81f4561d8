"""What can be told of a `bridge` before anything is loaded."""

from __future__ import annotations

from app.domain.enums import Role
from app.domain.errors.bridging import NothingToBridge, TooFewRowsForMap, TooFewRowsToCentre
from app.learn.bridge_texts import FEWEST_TO_CENTRE
from app.methods.contract import Asked

_SOURCE = (Role.SOURCE, Role.SOURCE_UNLABELLED, Role.PARALLEL)
_TARGET = (Role.UNLABELLED, Role.PARALLEL)


def check(asked: Asked) -> None:
    """Raises NothingToBridge, TooFewRowsForMap and TooFewRowsToCentre."""
    source = sum(asked.rows.get(role, 0) for role in _SOURCE)
    target = sum(asked.rows.get(role, 0) for role in _TARGET)
    if asked.companion is None and not (target and asked.parameters.centring):
        raise NothingToBridge
    if asked.companion is not None and source <= (asked.parameters.rank or 1):
        raise TooFewRowsForMap(source, asked.parameters.rank or 1)
    if target and asked.parameters.centring:
        for name, rows in (("the source language", source), ("the target language", target)):
            if rows < FEWEST_TO_CENTRE:
                raise TooFewRowsToCentre(name, rows, FEWEST_TO_CENTRE)
