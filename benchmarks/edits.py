"""Small changes to a sentence that leave it nearly the same sentence."""

from __future__ import annotations

import random

_FEWEST_WORDS = 4


def edited(text: str, draw: random.Random) -> str:
    """A word dropped, moved or said twice, or case or punctuation changed; by lot.

    Of a sentence with fewer than four words between spaces (Chinese, Thai) two characters in
    its first half are dropped.
    """
    words = text.split()
    if len(words) < _FEWEST_WORDS:
        at = draw.randrange(max(1, len(text) // 2))
        return text[:at] + text[at + 2 :]
    kind = draw.choice(["drop", "move", "twice", "case", "punctuation"])
    at = draw.randrange(1, len(words) - 1)
    if kind == "case":
        return text.lower().rstrip(".")
    if kind == "punctuation":
        return text.replace(",", "").rstrip(".。") + " !"
    if kind == "drop":
        del words[at]
    elif kind == "twice":
        words.insert(at, words[draw.randrange(len(words))])
    else:
        words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)
