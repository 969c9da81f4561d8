"""Language tags."""

from __future__ import annotations

import pytest

from app.domain.errors.requests import LanguageUnknown
from app.domain.languages import parse_language, script_of


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("DE", "de"),
        (" en_us ", "en-US"),
        ("swh_Latn", "sw"),
        ("yor_Latn", "yo"),
        ("arb_Arab", "ar"),
        ("zho_Hans", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("sr-Latn", "sr-Latn"),
        ("pt-br", "pt-BR"),
        ("iw", "he"),
    ],
)
def test_two_spellings_of_a_language_become_one(tag: str, canonical: str) -> None:
    assert parse_language(tag) == canonical
    assert parse_language(canonical) == canonical


@pytest.mark.parametrize(("tag", "meant"), [("jp", "ja"), ("cn", "zh"), ("cz", "cs"), ("dk", "da")])
def test_the_code_of_a_country_is_answered_with_its_language(tag: str, meant: str) -> None:
    with pytest.raises(LanguageUnknown) as refused:
        parse_language(tag)
    assert f"Did you mean `{meant}`?" in refused.value.advice
    assert refused.value.fields == {"language": tag, "suggestion": meant}


@pytest.mark.parametrize(
    ("name", "meant"), [("german", "de"), ("Deutsch", "de"), ("Brazilian Portuguese", "pt-BR")]
)
def test_the_name_of_a_language_is_answered_with_its_tag(name: str, meant: str) -> None:
    with pytest.raises(LanguageUnknown) as refused:
        parse_language(name)
    assert f"Did you mean `{meant}`?" in refused.value.advice


@pytest.mark.parametrize("tag", ["gibberish", "xx", "", "en_US.UTF-8", "a" * 500])
def test_what_is_no_language_is_refused_without_a_guess(tag: str) -> None:
    with pytest.raises(LanguageUnknown) as refused:
        parse_language(tag)
    assert refused.value.code == "language-unknown"
    assert refused.value.fields["suggestion"] is None
    assert len(refused.value.message) < 150


def test_the_script_is_the_usual_one_unless_the_tag_names_another() -> None:
    assert script_of("hi") == "Deva"
    assert script_of("zh-TW") == "Hant"
    assert script_of("sr-Latn") == "Latn"


def test_a_language_of_which_nothing_is_known_has_no_script() -> None:
    assert script_of("ctg") is None
