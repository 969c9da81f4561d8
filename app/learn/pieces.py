"""Pieces of texts: more text of the same kind, for nothing."""

from __future__ import annotations

_FEWEST_WORDS = 2  # in a piece, where a text is cut between words
_FEWEST_CHARACTERS = 4  # in a piece of a text of few words


def pieces(texts: list[str]) -> tuple[list[str], list[int]]:
    """The halves and quarters of each text, and the position of the text that each is of.

    A text is cut between words, or between characters where it has few words; what would become
    too short is not cut.
    """
    found: list[str] = []
    owners: list[int] = []
    for position, text in enumerate(texts):
        cut = [*_cut(text, 2), *_cut(text, 4)]
        found += cut
        owners += [position] * len(cut)
    return found, owners


def _cut(text: str, parts: int) -> list[str]:
    words = text.split()
    if len(words) >= _FEWEST_WORDS * parts:
        return [" ".join(words[start:end]) for start, end in _bounds(len(words), parts)]
    if len(words) < 4 and len(text) >= _FEWEST_CHARACTERS * parts:
        return [text[start:end] for start, end in _bounds(len(text), parts)]
    return []


def _bounds(length: int, parts: int) -> list[tuple[int, int]]:
    return [(length * k // parts, length * (k + 1) // parts) for k in range(parts)]
