"""Rows of a dataset that are surely in another language than the one they are said to be in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import langcodes

from app.domain.languages import script_of
from app.formats.tables.even_sample import even_sample
from app.formats.tables.identifier import identifier, identifier_code
from app.formats.tables.scripts import share_in_script

# Chosen on training rows of 22 languages, cut short: docs/advice.md has the measured errors.
SURE = 4.0
_SHORTEST = 30  # bytes of letters: 30 Latin letters, 10 Chinese characters
_LONGEST = 400
_FOREIGN = 0.2
_SIBLINGS = 30  # of langcodes: Norwegian and Danish are 12 apart, Czech and Slovak 24
_CHECKED = 10_000
_LISTED = 100
_SHOWN = 5


def wrong_language_rows(rows: Sequence[tuple[int, str]], claimed: str) -> dict[str, Any]:
    """From (row number, text): the rows that are surely not in the `claimed` language.

    A row is wrong when py3langid finds another language likelier by `SURE` nats for each square
    root of a byte (the identifier's own temperature); of a language that it does not know, when
    fewer than a fifth of the letters belong to the language's script. Dialects and siblings, such
    as Malay for Indonesian, never count; rows with less than 30 bytes of letters are not judged
    (`abstained`). At most 10,000 rows, evenly spread, are looked at; `rows` lists the first
    hundred found, `examples` the first five.
    """
    judge = _Judge(claimed)
    looked_at = even_sample(rows, _CHECKED)
    verdicts = [(number, text, judge.other(text)) for number, text in looked_at]
    found = [(number, text, other) for number, text, other in verdicts if other]
    return {
        "claimed": claimed,
        "checked": judge.able,
        "looked_at": len(looked_at),
        "abstained": sum(other is None for _, _, other in verdicts),
        "wrong": len(found),
        "languages": dict(Counter(other for _, _, other in found).most_common(5)),
        "rows": [number for number, _, _ in found[:_LISTED]],
        "examples": [
            {"row": number, "looks_like": other, "text": text[:120]}
            for number, text, other in found[:_SHOWN]
        ],
    }


def note_wrong_language(report: dict[str, Any]) -> list[str]:
    """A sentence where rows were found."""
    if not report["wrong"]:
        return []
    most = ", ".join(report["languages"])
    first = ", ".join(str(row) for row in report["rows"][:_SHOWN])
    return [
        f"{report['wrong']} row(s) are surely not in `{report['claimed']}` (they look like: "
        f"{most}), first rows {first}."
    ]


class _Judge:
    """Judges single texts; `able` says whether it can tell anything of the claimed language."""

    def __init__(self, claimed: str) -> None:
        self._script = script_of(claimed)
        self._code = identifier_code(claimed)
        known = self._script is not None and share_in_script("a", self._script) is not None
        self.able = self._code is not None or known

    def other(self, text: str) -> str | None:
        """The other language or `another script`; "" for a row that may be right, None unjudged."""
        letters = "".join(character for character in text if character.isalpha())
        if not self.able or len(letters.encode()) < _SHORTEST:
            return None
        if self._code is not None:
            return _likelier(text[:_LONGEST], self._code)
        share = share_in_script(text, self._script or "")
        return "another script" if share is not None and share < _FOREIGN else ""


def _likelier(text: str, code: str) -> str:
    scores = dict(identifier().rank(text))
    best = max(scores, key=lambda other: scores[other])
    ahead = (scores[best] - scores[code]) / math.sqrt(len(text.encode()))
    return best if ahead >= SURE and not _siblings(best, code) else ""


@lru_cache(maxsize=1000)
def _siblings(one: str, other: str) -> bool:
    wide = [langcodes.Language.get(code).prefer_macrolanguage().language for code in (one, other)]
    apart = max(langcodes.tag_distance(one, other), langcodes.tag_distance(other, one))
    return wide[0] == wide[1] or apart <= _SIBLINGS
