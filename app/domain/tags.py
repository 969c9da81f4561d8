"""Tags of words: which entity a tag speaks of, and which part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

OUTSIDE = "O"
_TAG = re.compile(r"([BIMESLU])(?:-(.+))?", re.DOTALL)
# BILOU's last and unit are what BIOES calls end and single; BMES calls its inside the middle.
_SAME = {"L": "E", "U": "S", "M": "I"}


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
