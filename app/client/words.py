"""The requests about words, for both clients."""

from __future__ import annotations

from typing import Any

from app.client.call import Call


def neighbours(model: str, words: list[str], options: dict[str, Any]) -> Call:
    """Ask for the words nearest to each of `words`."""
    return Call("POST", f"/v1/models/{model}/neighbours", json={"words": words, **options})


def translations(model: str, words: list[str], options: dict[str, Any]) -> Call:
    """Ask for each word's nearest in another language."""
    return Call("POST", f"/v1/models/{model}/translations", json={"words": words, **options})
