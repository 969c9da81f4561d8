"""Translations of held-out rows, and whether an encoder could see them."""

from __future__ import annotations

import numpy as np
import pytest

from app.learn.advice.languages import (
    cross_lingual_agreement,
    language_distance,
    translation_agreement,
)
from app.learn.data.leakage import find_translations

WIDTH = 64


def _meanings(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, WIDTH))


def _said_again(meanings: np.ndarray, seed: int) -> np.ndarray:
    """The same meanings with the noise of another language."""
    return meanings + 0.4 * np.random.default_rng(seed).normal(size=meanings.shape)


def test_planted_translations_are_found_and_nothing_else() -> None:
    source, held = _meanings(2500, 0), _meanings(60, 1)
    source[[5, 1700, 2400]] = _said_again(held[[3, 30, 59]], 2)
    found = find_translations(source, held, clear=0.3)
    assert {(i, j) for i, j, _ in found} == {(5, 3), (1700, 30), (2400, 59)}


def test_of_two_translations_of_one_row_the_nearer_is_named() -> None:
    source, held = _meanings(200, 0), _meanings(40, 1)
    source[7], source[9] = held[3] + 0.01, _said_again(held[3], 2)
    assert [(i, j) for i, j, _ in find_translations(source, held, clear=0.2)] == [(7, 3)]


def test_without_rows_nothing_is_found() -> None:
    assert find_translations(_meanings(0, 0), _meanings(5, 1)) == []
    assert find_translations(_meanings(1, 0), _meanings(1, 0)) == []


def test_an_encoder_that_aligns_labels_across_languages_sees() -> None:
    targets = np.arange(120) % 4
    topics = 2.0 * np.eye(4, WIDTH)[targets] * 4
    agreement = cross_lingual_agreement(
        topics + _meanings(120, 0), targets, topics + _meanings(120, 1), targets
    )
    unaligned = cross_lingual_agreement(
        topics + _meanings(120, 0), targets, _meanings(120, 1), targets
    )
    assert agreement is not None
    assert unaligned is not None
    assert agreement.across > 0.8
    assert not agreement.languages_unaligned
    assert not agreement.inconclusive
    assert abs(unaligned.across) < 0.25
    assert unaligned.inconclusive, "the vectors of the other side have nothing to do with labels"
    assert cross_lingual_agreement(topics[:10], targets[:10], topics, targets) is None


def test_languages_that_lie_apart_are_far_and_easily_separated() -> None:
    near = language_distance(_meanings(200, 0), _meanings(200, 1), 0)
    far = language_distance(_meanings(200, 0), _meanings(150, 1) + 3.0, 0)
    assert near["mean_distance"] < 0.3
    assert near["proxy_a_distance"] < 0.6
    assert far["mean_distance"] > 2
    assert far["proxy_a_distance"] > 1.9
    with pytest.raises(ValueError, match="20 rows"):
        language_distance(_meanings(10, 0), _meanings(30, 1), 0)


def test_translations_agree_more_than_other_rows() -> None:
    meanings = _meanings(100, 0)
    agreement = translation_agreement(meanings, _said_again(meanings, 1) + 1.0)
    assert agreement["found"] == 1.0
    assert agreement["cosine"] > agreement["cosine_of_others"]
    assert agreement["cka"] > 0.7
    assert translation_agreement(meanings, _meanings(100, 2))["found"] < 0.1
