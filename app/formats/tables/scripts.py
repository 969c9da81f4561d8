"""In which script a text is written, by the names that Unicode gives its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

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
}  # fmt: skip
_SCRIPTS |= {
    "Hani": _HAN,
    "Hans": _HAN,
    "Hant": _HAN,
    "Jpan": _HAN | _KANA,
    "Kore": _HAN | {"HANGUL"},
}


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
