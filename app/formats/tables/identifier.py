"""The language identifier py3langid, and its own name for a language given by its BCP-47 tag."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import langcodes

from app.domain.languages import script_of

# Of each text: enough for the identifier, and bounds the time.
CHARACTERS = 400
_CHINESE = {"Hans", "Hant", "Hani"}
_OTHER_CODES = {"nb": "no", "fil": "tl", "quy": "qu", "quz": "qu"}


@lru_cache(maxsize=1)
def identifier() -> Any:
    """py3langid's `LanguageIdentifier` with its own model of 139 languages; loaded once."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def identifier_code(claimed: str) -> str | None:
    """The identifier's own code, which may be that of the wider language; None if it has none.

    It knows each language in its usual script: Hindi in Latin letters (`hi-Latn`) is none of its.
    """
    known = set(identifier().labels)
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


def identify(text: str) -> str:
    """The code of the language that the start of a text looks like; short ones are mistaken."""
    return str(identifier().classify(text[:CHARACTERS])[0])
