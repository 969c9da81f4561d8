"""The bridge between two spaces of sentence vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from app.learn.bridge import Bridge, LanguageShift


def around(mean: list[float], rows: int = 200, spread: float = 0.1, seed: int = 0) -> Tensor:
    noise = torch.randn(rows, len(mean), generator=torch.Generator().manual_seed(seed))
    return torch.tensor(mean) + spread * noise


def two_languages() -> LanguageShift:
    return LanguageShift.of({"en": around([1.0, 0.0]), "sw": around([-1.0, 2.0], seed=1)})


def test_vectors_of_the_source_language_are_not_moved_at_all() -> None:
    vectors = around([1.0, 0.0], seed=2)
    assert torch.equal(two_languages()(vectors), vectors)


def test_vectors_of_another_language_are_moved_by_the_difference_of_the_means() -> None:
    shift = two_languages()
    vectors = around([-1.0, 2.0], seed=3)
    assert torch.allclose(shift(vectors), vectors + (shift.means[0] - shift.means[1]), atol=1e-5)


def test_languages_are_separated_though_topics_lie_further_apart_than_they_do() -> None:
    """Topics at -2 and 2, of which the languages have other shares; the languages at 0 and 1."""

    def texts(height: float, left: int, right: int, seed: int) -> Tensor:
        parts = around([-2.0, height], left, seed=seed), around([2.0, height], right, seed=seed)
        return torch.cat(parts)

    shift = LanguageShift.of({"en": texts(0.0, 120, 80, 0), "sw": texts(1.0, 80, 120, 1)})
    assert float(shift.languages_of(texts(0.0, 50, 50, 2)).float().mean()) == 0.0
    assert float(shift.languages_of(texts(1.0, 50, 50, 3)).float().mean()) == 1.0


def test_a_third_language_leaves_the_others_where_they_were() -> None:
    two = two_languages()
    three = two.with_language("de", around([3.0, 3.0], seed=4))
    assert three.names == ("en", "sw", "de")
    assert torch.equal(three.means[:2], two.means)
    vectors = torch.cat([around([1.0, 0.0], seed=5), around([-1.0, 2.0], seed=6)])
    assert torch.equal(three(vectors), two(vectors))
    moved = three(around([3.0, 3.0], seed=7))
    assert torch.allclose(moved.mean(dim=0), three.means[0], atol=0.05)


def test_the_map_comes_after_the_shift_and_the_length_last() -> None:
    linear, shift = nn.Linear(2, 3), two_languages()
    vectors = around([-1.0, 2.0], seed=3)
    expected = nn.functional.normalize(linear(shift(vectors)), dim=-1)
    assert torch.allclose(Bridge(linear, shift, normalize=True)(vectors), expected)


def test_a_bridge_without_steps_changes_nothing() -> None:
    vectors = torch.randn(3, 4)
    assert torch.equal(Bridge()(vectors), vectors)


def test_a_reset_bridge_forgets_its_languages() -> None:
    bridge = Bridge(nn.Linear(2, 2), two_languages())
    bridge.reset()
    assert bridge.languages == ()
