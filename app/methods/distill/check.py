"""What can be told of a `distill` before anything is loaded."""

from __future__ import annotations

from app.domain.enums import Role
from app.domain.errors.bridging import TooFewRowsForMap
from app.methods.contract import Asked


def check(asked: Asked) -> None:
    """Raises TooFewRowsForMap."""
    roles = (Role.PARALLEL, Role.SOURCE, Role.SOURCE_UNLABELLED)
    rows, rank = sum(asked.rows.get(role, 0) for role in roles), asked.parameters.rank or 1
    if rows <= rank:
        raise TooFewRowsForMap(rows, rank)
