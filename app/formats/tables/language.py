"""Whether texts look like the language they are said to be in, as a whole and row by row."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import langcodes

from app.domain.languages import script_of
from app.formats.dataset_report import even_sample

_SAMPLE = 400
_BLOCK = 2000
_SCRIPT_SHARE = 0.5
# Chosen on training rows of 22 languages, cut short: docs/advice.md has the measured errors.
CONFIDENT_MARGIN = 4.0
_SHORTEST = 30  # bytes of letters: 30 Latin letters, 10 Chinese characters
_LONGEST = 400
_FOREIGN = 0.2
_CLOSE_DISTANCE = 30  # of langcodes: Norwegian and Danish are 12 apart, Czech and Slovak 24
_CHECKED = 10_000
_LISTED = 100
_SHOWN = 5
# Of each text: enough for the identifier, and bounds the time.
MAX_CHARACTERS = 400
_CHINESE = {"Hans", "Hant", "Hani"}
_OTHER_CODES = {"nb": "no", "fil": "tl", "quy": "qu", "quz": "qu"}
_HAN = frozenset({"CJK"})
_KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "IDEOGRAPHIC"})
# ISO 15924 code -> first words of the Unicode names of its letters.
_SCRIPTS: dict[str, frozenset[str]] = {
    code: frozenset(names.split())
    for code, names in {
        "Arab": "ARABIC", "Armn": "ARMENIAN", "Beng": "BENGALI", "Cans": "CANADIAN",
        "Cher": "CHEROKEE", "Cyrl": "CYRILLIC", "Deva": "DEVANAGARI", "Ethi": "ETHIOPIC",
        "Geor": "GEORGIAN", "Grek": "GREEK", "Gujr": "GUJARATI", "Guru": "GURMUKHI",
        "Hang": "HANGUL", "Hebr": "HEBREW", "Khmr": "KHMER", "Knda": "KANNADA", "Laoo": "LAO",
        "Latn": "LATIN", "Mlym": "MALAYALAM", "Mong": "MONGOLIAN", "Mtei": "MEETEI",
        "Mymr": "MYANMAR", "Nkoo": "NKO", "Olck": "OL", "Orya": "ORIYA", "Sinh": "SINHALA",
        "Syrc": "SYRIAC", "Taml": "TAMIL", "Telu": "TELUGU", "Tfng": "TIFINAGH",
        "Thaa": "THAANA", "Thai": "THAI", "Tibt": "TIBETAN", "Yiii": "YI",
    }.items()
} | {
    "Hani": _HAN, "Hans": _HAN, "Hant": _HAN, "Jpan": _HAN | _KANA, "Kore": _HAN | {"HANGUL"},
}  # fmt: skip


def report_language(
    rows: Sequence[tuple[int, str]], claimed: str
) -> tuple[dict[str, Any], list[str]]:
    """From (row number, text): the parts `language` and `wrong_language`, and their notes."""
    check = check_language([text for _, text in rows], claimed)
    wrong = wrong_language_rows(rows, claimed)
    notes = [*note_language(check), *note_wrong_language(wrong)]
    return {"language": check, "wrong_language": wrong}, notes


def check_language(texts: list[str], claimed: str) -> dict[str, Any]:
    """Identify the language of an even sample of the texts with py3langid, and check the script.

    `share` is that of sampled texts identified as the claimed language, `others` the next most
    frequent. Short texts are easily mistaken one by one, so blocks of about 2,000 characters
    are identified too: `looks_right` is True when the claimed language leads in either count
    and the script fits, and None where neither could be checked: `checked` says whether the
    identifier knows the language.
    """
    sample = [text[:MAX_CHARACTERS] for text in even_sample(texts, _SAMPLE)]
    script = _check_script(sample, script_of(claimed))
    identified = _identify(sample, claimed)
    verdicts = [part["fits"] for part in (script, identified) if part["fits"] is not None]
    return {
        "claimed": claimed,
        "checked": identified["fits"] is not None,
        "sampled": len(sample),
        "share": identified["share"],
        "others": identified["others"],
        "script": script["name"],
        "script_share": script["share"],
        "looks_right": all(verdicts) if verdicts else None,
    }


def note_language(report: dict[str, Any]) -> list[str]:
    """A sentence when the texts do not look like the claimed language, or were not checked."""
    claimed = report["claimed"]
    if report["looks_right"] is False:
        others = ", ".join(report["others"]) or f"another script than {report['script']}"
        return [f"The texts do not look like `{claimed}`; they look like: {others}."]
    if not report["checked"]:
        return [f"The language was not checked: the identifier does not know `{claimed}`."]
    return []


def _check_script(sample: list[str], script: str | None) -> dict[str, Any]:
    shares = [
        share for text in sample if (share := share_in_script(text, script or "")) is not None
    ]
    if not shares:
        return {"name": script, "share": None, "fits": None}
    share = sum(value >= _SCRIPT_SHARE for value in shares) / len(shares)
    return {"name": script, "share": round(share, 4), "fits": share >= _SCRIPT_SHARE}


def _identify(sample: list[str], claimed: str) -> dict[str, Any]:
    code = identifier_code(claimed)
    counts = Counter(language_identifier().classify(text)[0] for text in sample)
    blocks = Counter(language_identifier().classify(block)[0] for block in _blocks(sample))
    others = [name for name, _ in counts.most_common(4) if name != code][:3]
    if code is None:
        return {"share": None, "others": others, "fits": None}
    fits = code in (counts.most_common(1)[0][0], blocks.most_common(1)[0][0])
    return {"share": round(counts[code] / len(sample), 4), "others": others, "fits": fits}


def _blocks(sample: list[str]) -> list[str]:
    joined = "\n".join(sample)
    return [joined[start : start + _BLOCK] for start in range(0, len(joined), _BLOCK)]


def wrong_language_rows(rows: Sequence[tuple[int, str]], claimed: str) -> dict[str, Any]:
    """From (row number, text): the rows that are surely not in the `claimed` language.

    A row is wrong when py3langid finds another language likelier by 4 nats for each square
    root of a byte (the identifier's own temperature); of a language that it does not know, when
    fewer than a fifth of the letters belong to the language's script. Dialects and siblings, such
    as Malay for Indonesian, never count; rows with less than 30 bytes of letters are not judged
    (`abstained`). At most 10,000 rows, evenly spread, are looked at; `rows` lists the first
    hundred found, `examples` the first five.
    """
    judge = _LanguageJudge(claimed)
    looked_at = even_sample(rows, _CHECKED)
    verdicts = [(number, text, judge.other(text)) for number, text in looked_at]
    found = [(number, text, other) for number, text, other in verdicts if other]
    return {
        "claimed": claimed,
        "checked": judge.can_judge,
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


class _LanguageJudge:
    """Judges single texts; `can_judge` is False where it knows nothing of the claimed language."""

    def __init__(self, claimed: str) -> None:
        self._script = script_of(claimed)
        self._code = identifier_code(claimed)
        known = self._script is not None and share_in_script("a", self._script) is not None
        self.can_judge = self._code is not None or known

    def other(self, text: str) -> str | None:
        """The other language or `another script`; "" for a row that may be right, None unjudged."""
        letters = "".join(character for character in text if character.isalpha())
        if not self.can_judge or len(letters.encode()) < _SHORTEST:
            return None
        if self._code is not None:
            return _likelier_language(text[:_LONGEST], self._code)
        share = share_in_script(text, self._script or "")
        return "another script" if share is not None and share < _FOREIGN else ""


def _likelier_language(text: str, code: str) -> str:
    scores = dict(language_identifier().rank(text))
    best = max(scores, key=lambda other: scores[other])
    ahead = (scores[best] - scores[code]) / math.sqrt(len(text.encode()))
    return best if ahead >= CONFIDENT_MARGIN and not _are_close_languages(best, code) else ""


@lru_cache(maxsize=1000)
def _are_close_languages(one: str, other: str) -> bool:
    wide = [langcodes.Language.get(code).prefer_macrolanguage().language for code in (one, other)]
    apart = max(langcodes.tag_distance(one, other), langcodes.tag_distance(other, one))
    return wide[0] == wide[1] or apart <= _CLOSE_DISTANCE


@lru_cache(maxsize=1)
def language_identifier() -> Any:
    """py3langid's `LanguageIdentifier` with its own model of 139 languages; loaded once."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def identifier_code(claimed: str) -> str | None:
    """The identifier's own code, which may be that of the wider language; None if it has none.

    It knows each language in its usual script: Hindi in Latin letters (`hi-Latn`) is none of its.
    """
    known = set(language_identifier().labels)
    language = langcodes.Language.get(claimed)
    if not _in_usual_script(language):
        return None
    codes = [language.language, language.prefer_macrolanguage().language]
    codes += [_OTHER_CODES.get(language.language or "")]
    return next((code for code in codes if code in known), None)


def _in_usual_script(language: langcodes.Language) -> bool:
    if language.script is None:
        return True
    usual = script_of(language.language or "und")
    return usual is None or usual == language.script or {usual, language.script} <= _CHINESE


def identify_language(text: str) -> str:
    """The code of the language that the start of a text looks like; short ones are mistaken."""
    return str(language_identifier().classify(text[:MAX_CHARACTERS])[0])


def share_in_script(text: str, script: str) -> float | None:
    """The share of the text's letters that belong to the script (an ISO 15924 code).

    None when the script is not among those known here, or the text has no letter. Han
    characters count for Chinese, Japanese and Korean alike.
    """
    names = _SCRIPTS.get(script)
    letters = [name for char in text if (name := _letter_name(char))]
    if names is None or not letters:
        return None
    return sum(name in names for name in letters) / len(letters)


@lru_cache(maxsize=70_000)
def _letter_name(character: str) -> str | None:
    """The first word of a letter's name, None for anything that is no letter."""
    if not character.isalpha():
        return None
    return unicodedata.name(character, "UNNAMED").split(" ", 1)[0]
