"""Words of a text and their tags: splitting a text into words, and reading BIO-like tags."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_PARTS = re.compile(r"\S+")
OUTSIDE = "O"
_TAG = re.compile(r"([BIMESLU])(?:-(.+))?", re.DOTALL)
# BILOU's last and unit are what BIOES calls end and single; BMES calls its inside the middle.
_SAME = {"L": "E", "U": "S", "M": "I"}


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


def split_tag(tag: str) -> tuple[str, str] | None:
    """The prefix (B, I, E or S) and the entity type of a tag; ("O", "") outside of entities.

    The letters stand for begin, inside, end and single; BILOU's L and U are read as E and S, and
    the M of BMES as I. A tag without a type, such as plain "B", has the type "_". None for any
    other text.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    prefix, kind = found.groups()
    return _SAME.get(prefix, prefix), kind or "_"


def mark_entities(tags: Iterable[str]) -> bool:
    """Whether these tags mark entities of several words; parts of speech, say, do not."""
    return all(split_tag(tag) is not None for tag in tags)
