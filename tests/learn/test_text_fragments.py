"""Pieces of texts."""

from __future__ import annotations

from app.learn.bridge_fit import text_fragments


def test_a_text_gives_its_halves_and_quarters_and_their_owner() -> None:
    found, owners = text_fragments(["no", "one two three four five six seven eight"])
    assert found == [
        "one two three four",
        "five six seven eight",
        "one two",
        "three four",
        "five six",
        "seven eight",
    ]
    assert owners == [1] * 6


def test_a_text_of_few_words_is_halved_alone() -> None:
    assert text_fragments(["one two three four five"])[0] == ["one two", "three four five"]


def test_a_text_without_spaces_is_cut_between_characters() -> None:
    found, _ = text_fragments(["明天早上七点叫醒我"])
    assert found == ["明天早上", "七点叫醒我"]
