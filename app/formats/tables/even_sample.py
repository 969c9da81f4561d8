"""A bounded look at a table: rows evenly spread over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Row = TypeVar("Row")


def even_sample(rows: Sequence[Row], size: int) -> list[Row]:
    """At most `size` of the rows, evenly spread from the first on, in their order."""
    taken = min(size, len(rows))
    return [rows[i * len(rows) // taken] for i in range(taken)]
