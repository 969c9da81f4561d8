"""The report on a text dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.formats.read_dataset import read_dataset
from app.formats.tables.language import check_language, note_language, share_in_script
from tests.support.datasets import a_csv, labelled_rows


def _report(folder: Path, rows: list[tuple[str, str, str]], language: str = "en") -> dict[str, Any]:
    file = a_csv(folder / "a.csv", rows)
    canonical = str(folder / "canonical")
    facts = read_dataset(str(file), "a.csv", {}, language, canonical, 10**8, 1000)
    return facts["report"]


def test_the_report_counts_labels_and_their_balance(tmp_path: Path) -> None:
    rows = [(f"text {i}", "b" if i < 6 else "a", "") for i in range(8)]
    labels = _report(tmp_path, rows)["labels"]
    assert labels["rows"] == {"a": 2, "b": 6}
    assert (labels["count"], labels["smallest"], labels["largest"]) == (2, 2, 6)
    assert labels["balance"] == pytest.approx(0.8113)


def test_labels_that_are_all_numbers_are_ordered_by_value(tmp_path: Path) -> None:
    rows = [(f"text {i}", str(i), "") for i in range(12)]
    assert list(_report(tmp_path, rows)["labels"]["rows"]) == [str(i) for i in range(12)]


def test_labels_that_differ_by_case_space_or_unicode_form_are_reported(tmp_path: Path) -> None:
    labels = ["Play music", "play  music", "playmusic", "cafe\u0301", "café", "other"]
    report = _report(tmp_path, [(f"text {i}", label, "") for i, label in enumerate(labels)])
    variants = {frozenset(group) for group in report["labels"]["variants"]}
    assert variants == {
        frozenset({"Play music", "play  music", "playmusic"}),
        frozenset({"cafe\u0301", "café"}),
    }
    assert sum("may be one label" in note for note in report["notes"]) == 2


def test_lengths_are_given_in_characters_and_words(tmp_path: Path) -> None:
    rows = [("x " * words, "a", "") for words in range(1, 102)]
    words = _report(tmp_path, rows)["lengths"]["words"]
    assert words == {"min": 1, "q05": 6, "median": 51, "q95": 96, "max": 101, "mean": 51}


def test_duplicates_are_counted_and_contradictions_shown(tmp_path: Path) -> None:
    rows = [("same", "a", ""), ("other", "a", ""), ("same", "b", ""), ("other", "a", "")]
    report = _report(tmp_path, rows)
    assert report["duplicates"] == {
        "groups": 2,
        "extra_rows": 2,
        "conflicting": 1,
        "conflicts": [{"rows": [1, 3], "labels": ["a", "b"]}],
    }
    assert any("different labels, first in rows 1, 3" in note for note in report["notes"])


def test_groups_are_counted(tmp_path: Path) -> None:
    rows = [("one", "a", "g1"), ("two", "a", "g1"), ("three", "a", "g2"), ("four", "a", "")]
    assert _report(tmp_path, rows)["groups"] == {"count": 2, "largest": 2, "rows_without": 1}


@pytest.mark.parametrize(("ids", "counts"), [("0123", True), ("1234", True), ("1243", False)])
def test_a_group_that_only_numbers_the_rows_is_reported(
    tmp_path: Path, ids: str, counts: bool
) -> None:
    notes = _report(tmp_path, [(f"text {i}", "a", i) for i in ids])["notes"]
    assert any("numbers the rows" in note for note in notes) is counts


@pytest.mark.parametrize("language", ["en", "de", "hi"])
def test_texts_of_the_claimed_language_look_right(language: str) -> None:
    texts = [text for text, _, _ in labelled_rows(60, language)]
    check = check_language(texts, language)
    assert check["checked"]
    assert check["looks_right"]
    assert not note_language(check)


def test_texts_of_another_language_are_noticed() -> None:
    texts = [text for text, _, _ in labelled_rows(60, "de")]
    check = check_language(texts, "fr")
    assert check["looks_right"] is False
    assert check["share"] < 0.5
    assert check["others"][0] == "de"
    assert "do not look like `fr`" in note_language(check)[0]


def test_a_row_of_another_language_is_reported_by_its_number(tmp_path: Path) -> None:
    rows = [(f"{text} {number}", "a", "") for number, (text, _, _) in enumerate(labelled_rows(9))]
    german = "Die Kinder spielen jeden Tag nach der Schule auf dem Platz Fußball."
    report = _report(tmp_path, [*rows, (german, "a", "")])
    assert report["wrong_language"]["rows"] == [10]
    assert any("surely not in `en`" in note for note in report["notes"])


def test_another_script_is_noticed_even_where_the_language_is_unknown() -> None:
    texts = [text for text, _, _ in labelled_rows(30, "de")]
    check = check_language(texts, "bho")  # Bhojpuri, written in Devanagari
    assert not check["checked"]
    assert check["script_share"] == 0
    assert check["looks_right"] is False


def test_a_language_that_cannot_be_checked_is_said_to_be_unchecked() -> None:
    check = check_language(["x y z"] * 5, "ctg")
    assert (check["checked"], check["share"], check["looks_right"]) == (False, None, None)
    assert "was not checked" in note_language(check)[0]


@pytest.mark.parametrize(
    ("text", "script", "share"),
    [
        ("नमस्ते!", "Deva", 1.0),
        ("漢字とカタカナ", "Jpan", 1.0),
        ("漢字", "Hant", 1.0),
        ("abcд", "Latn", 0.75),
        ("12 !?", "Latn", None),
        ("abc", "Xxxx", None),
    ],
)
def test_the_script_of_letters_is_found_by_their_names(
    text: str, script: str, share: float | None
) -> None:
    assert share_in_script(text, script) == share
