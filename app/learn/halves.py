"""Halves of texts: more text of the same kind, for nothing."""

from __future__ import annotations

_FEWEST_WORDS = 4
_FEWEST_CHARACTERS = 8


def halves(texts: list[str]) -> tuple[list[str], list[int]]:
    """Both halves of each text, and the position of the text that each half is of.

    A text is cut between words, or between characters where it has few words; a text that is
    too short for that has no halves.
    """
    pieces: list[str] = []
    owners: list[int] = []
    for position, text in enumerate(texts):
        found = _halves(text)
        pieces += found
        owners += [position] * len(found)
    return pieces, owners


def _halves(text: str) -> list[str]:
    words = text.split()
    if len(words) >= _FEWEST_WORDS:
        middle = len(words) // 2
        return [" ".join(words[:middle]), " ".join(words[middle:])]
    if len(text) >= _FEWEST_CHARACTERS:
        middle = len(text) // 2
        return [text[:middle], text[middle:]]
    return []
