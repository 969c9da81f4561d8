"""Rows that are surely in another language than the dataset's."""

from __future__ import annotations

import pytest

from app.formats.tables.language import note_wrong_language, wrong_language_rows

SWAHILI = "Watoto wanacheza mpira uwanjani kila siku baada ya shule kumalizika."
GERMAN = "Die Kinder spielen jeden Tag nach der Schule auf dem Platz Fußball."
HINDI = "बच्चे हर दिन स्कूल के बाद मैदान में फुटबॉल खेलते हैं।"
INDONESIAN = "Anak-anak bermain sepak bola di lapangan setiap hari setelah pulang sekolah."


def _numbered(*texts: str) -> list[tuple[int, str]]:
    return list(enumerate(texts, start=1))


@pytest.mark.parametrize(("planted", "code"), [(GERMAN, "de"), (HINDI, "hi")])
def test_a_planted_row_of_another_language_is_found_by_its_number(planted: str, code: str) -> None:
    report = wrong_language_rows(_numbered(SWAHILI, SWAHILI, planted, SWAHILI), "sw")
    assert (report["wrong"], report["rows"], report["languages"]) == (1, [3], {code: 1})
    assert report["examples"][0]["looks_like"] == code
    assert "first rows 3" in note_wrong_language(report)[0]


def test_rows_of_the_claimed_language_are_left_alone() -> None:
    report = wrong_language_rows(_numbered(GERMAN, GERMAN), "de")
    assert (report["wrong"], report["abstained"]) == (0, 0)
    assert note_wrong_language(report) == []


def test_a_short_row_is_not_judged() -> None:
    report = wrong_language_rows(_numbered("Guten Morgen", "12:30 !?"), "sw")
    assert (report["wrong"], report["abstained"]) == (0, 2)


def test_a_sibling_of_the_claimed_language_does_not_count() -> None:
    assert wrong_language_rows(_numbered(INDONESIAN), "ms")["wrong"] == 0
    assert wrong_language_rows(_numbered(INDONESIAN), "sw")["wrong"] == 1


def test_of_a_language_that_the_identifier_does_not_know_only_the_script_tells() -> None:
    report = wrong_language_rows(_numbered(HINDI, GERMAN), "bho")  # Bhojpuri, in Devanagari
    assert report["checked"]
    assert report["languages"] == {"another script": 1}
    assert report["rows"] == [2]


def test_a_language_of_which_nothing_is_known_is_not_checked() -> None:
    report = wrong_language_rows(_numbered(GERMAN), "ctg")
    assert (report["checked"], report["wrong"], report["abstained"]) == (False, 0, 1)


@pytest.mark.parametrize("tag", ["qu-Latn", "qu", "de-Latn"])
def test_naming_the_script_of_a_language_does_not_make_it_unknown(tag: str) -> None:
    assert wrong_language_rows(_numbered(SWAHILI), tag)["languages"] == {"sw": 1}


def test_a_language_in_a_script_not_its_own_is_checked_by_the_script_alone() -> None:
    report = wrong_language_rows(_numbered("bachche har din school ke baad maidan mein"), "hi-Latn")
    assert (report["checked"], report["wrong"]) == (True, 0)
