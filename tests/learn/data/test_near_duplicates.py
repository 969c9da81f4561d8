"""Nearly the same text on both sides of a split."""

from __future__ import annotations

from app.learn.data.leakage import near_duplicates

TEXTS = [
    "The committee will publish its findings on the accident next week.",
    "She was the first climber to reach the summit without oxygen.",
    "Watoto wanacheza mpira uwanjani kila siku baada ya shule kumalizika.",
    "会议将于下周在北京举行 讨论新的贸易协定和关税问题。",
]


def test_a_planted_near_copy_is_found_and_other_rows_are_not() -> None:
    held = [
        "She was first climber to reach the summit without oxygen!",
        "The committee met last week to speak about another matter.",
        "会议将于下周在北京举行 讨论新的贸易协定和关税问题吗。",
    ]
    found = near_duplicates(TEXTS, held)
    assert {(i, j) for i, j, _ in found} == {(1, 0), (3, 2)}
    assert [cosine for *_, cosine in found] == sorted((c for *_, c in found), reverse=True)


def test_texts_without_a_letter_are_near_to_nothing() -> None:
    assert near_duplicates(["  ", ""], [" "]) == []
    assert near_duplicates([], ["a"]) == []
