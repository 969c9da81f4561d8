"""What is said about a tokenizer that was not made for a language."""

from __future__ import annotations

import pytest

from app.learn.advice.languages import complaints_about


def _cut(word: float, character: float = 0.3, unknown: float = 0.0) -> dict[str, float]:
    return {
        "tokens_per_word": word,
        "tokens_per_character": character,
        "unknown_share": unknown,
    }


def test_words_cut_twice_as_finely_as_the_source_s_are_complained_of() -> None:
    [said] = complaints_about(_cut(3.4), _cut(1.3), "Latn")
    assert said == "cuts each word into 3.40 tokens, where the source language has 1.30"
    assert complaints_about(_cut(3.4), None, "Latn") == ["cuts each word into 3.40 tokens"]


@pytest.mark.parametrize(
    ("target", "source", "script"),
    [
        (_cut(1.4), _cut(1.3), "Latn"),
        (_cut(3.4), _cut(2.9), "Latn"),  # the source's are long words too
        (_cut(30.0, 0.6), _cut(1.3), "Thai"),  # no spaces, so these are no words
    ],
)
def test_a_tokenizer_that_fits_is_not_complained_of(
    target: dict[str, float], source: dict[str, float], script: str
) -> None:
    assert complaints_about(target, source, script) == []


def test_unknown_tokens_and_cut_characters_are_complained_of_in_any_script() -> None:
    said = complaints_about(_cut(30.0, 2.9, 0.05), None, "Thai")
    assert said == ["does not know 5.0% of the tokens", "cuts each character into 2.9 tokens"]
