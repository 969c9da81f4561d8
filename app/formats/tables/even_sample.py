"""A bounded look at a table: rows evenly spread over all of it."""

from __future__ import annotations


def even_sample(texts: list[str], size: int) -> list[str]:
    """At most `size` of the texts, evenly spread from the first on, in their order."""
    taken = min(size, len(texts))
    return [texts[i * len(texts) // taken] for i in range(taken)]
