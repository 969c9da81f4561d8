"""Language tags, written one way only so that two spellings of a language compare equal."""

from __future__ import annotations

import langcodes

from app.domain.errors.requests import LanguageUnknown

_LONGEST_NAME = 60


def parse_language(tag: str) -> str:
    """The BCP-47 tag in its shortest canonical form: `DE` -> `de`, `swh_Latn` -> `sw`.

    Underscores count as hyphens, three-letter codes become two-letter ones where those exist,
    and a script that goes without saying is dropped (`zho_Hans` -> `zh`, `zho_Hant` -> `zh-Hant`).
    Raises `LanguageUnknown`, with a suggestion where the tag is the code of a country or the name
    of a language, in any language.
    """
    try:
        language = langcodes.Language.get(langcodes.standardize_tag(tag.strip(), macro=True))
    except langcodes.LanguageTagError:
        raise LanguageUnknown(tag, _language_by_name(tag)) from None
    if not language.is_valid():
        suggestion = _language_of_country(language.language) or _language_by_name(tag)
        raise LanguageUnknown(tag, suggestion)
    plain = langcodes.Language.make(language=language.language, territory=language.territory)
    if language.script == script_of(plain.to_tag()):
        language = language.update_dict({"script": None})
    return language.to_tag()


def script_of(tag: str) -> str | None:
    """The ISO 15924 code of the script that the tag names or implies, None if it implies none.

    langcodes answers with the script of American English for a language of which the Unicode
    CLDR says nothing; such an answer counts as none.
    """
    language = langcodes.Language.get(tag)
    likely = language.maximize()
    guessed = (likely.script, likely.territory) == ("Latn", "US") and language.language != "en"
    return language.script if guessed else likely.script


def _language_of_country(code: str | None) -> str | None:
    """Most wrong tags are country codes (`jp`, `cn`, `ua`): the country's likeliest language."""
    if code is None or len(code) != 2:
        return None
    country = langcodes.Language.make(territory=code.upper())
    if not country.is_valid():
        return None
    likely = country.maximize().language
    return None if likely == "en" else likely  # English is also the answer for want of data


def _language_by_name(name: str) -> str | None:
    """`german` or `Deutsch`: `de`."""
    try:
        return langcodes.find(name[:_LONGEST_NAME]).to_tag()
    except LookupError:
        return None
