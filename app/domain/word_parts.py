"""Words of a text, for taggers that are asked about a text that nobody took apart."""

from __future__ import annotations

import re
import unicodedata

_PARTS = re.compile(r"\S+")


def split_words(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` start and end: parts between white space, punctuation apart.

    Punctuation and symbols at either end of a part stand alone, one by one; within a part
    ("don't", "3.5", "on-off") they stay. Scripts without spaces between words come as whole parts:
    whoever has a better rule sends words instead of a text.
    """
    found: list[tuple[int, int]] = []
    for part in _PARTS.finditer(text):
        start, end = part.span()
        while start < end and _is_mark(text[start]):
            found.append((start, start + 1))
            start += 1
        tail: list[tuple[int, int]] = []
        while end > start and _is_mark(text[end - 1]):
            tail.append((end - 1, end))
            end -= 1
        if start < end:
            found.append((start, end))
        found += reversed(tail)
    return found


def words_in(text: str) -> tuple[str, ...]:
    """The words of `text` themselves."""
    return tuple(text[start:end] for start, end in split_words(text))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
